import type { Logger } from 'pino';
import type { OnAnswer } from './answer.ts';

/** The message of these lines, by which the log can be searched. */
export const MANAGEMENT_MESSAGE = 'management call';

/** One line of the log for each call of the management API. What is null is left out; what failed inside is a warning. */
export function answerLog(logger: Pick<Logger, 'info' | 'warn'>): OnAnswer {
  return (answer) => {
    const line = {
      request_id: answer.requestId,
      method: answer.method,
      path: answer.path,
      operation: answer.operation,
      status: answer.status,
      code: answer.code,
      token_fault: answer.tokenFault,
      subject: answer.subject,
      ip_address: answer.address,
      duration_ms: answer.durationMs,
    };
    const known = Object.fromEntries(Object.entries(line).filter(([, value]) => value !== null));
    logger[answer.status >= 500 ? 'warn' : 'info'](known, MANAGEMENT_MESSAGE);
  };
}
