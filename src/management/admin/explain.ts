import { canonicalAddress } from '../../core/address.ts';
import type { LoggedRequest } from '../../core/request-log.ts';
import { explain } from '../../explain/explain.ts';
import type { DescribedRequest } from '../../explain/explanation.ts';
import { isCut } from '../../observe/log-text.ts';
import { isRedacted } from '../../observe/redact.ts';
import { MAX_PATH, MAX_USER_AGENT } from '../../observe/request-log.ts';
import { type FieldFault, ManagementError } from '../failures.ts';
import type { ExplainRequest, ExplanationAnswer } from '../schemas/explain.ts';
import { bounded, summary } from '../validate.ts';
import type { AdminContext } from './context.ts';
import { worldOf } from './deciding-rules.ts';
import { keyNamed } from './explained-key.ts';
import { explanationAnswer } from './explanation-answer.ts';
import { type Recorded, recordedRequest } from './recorded-request.ts';
import { Turns } from './turns.ts';

/** Of this process: it is its event loop that they take. */
const EXPLANATIONS = new Turns();

/** Why a request would pass or not. Changes nothing, and spends nothing. */
export async function explainRequest(body: ExplainRequest, context: AdminContext): Promise<ExplanationAnswer> {
  const { request_id: requestId } = body;
  const recorded = requestId === undefined ? null : await recordedRequest(requestId, body, context);
  return EXPLANATIONS.take(context.caller.subject, async () => {
    const key = recorded?.key ?? (await keyNamed(body.key_id ?? '', context));
    const request = describe(body, recorded, context);
    const rules = await context.rules();
    const { keys, store } = context;
    const world = worldOf(rules, await keys.catalogue());
    const explanation = await explain(key, request, world, (id) => store.limits.peek(id));
    return explanationAnswer({ key, request, explanation, recorded, gaps: rules.gaps });
  });
}

/** What was given, and for the rest what was recorded. @throws ManagementError that names what does not fit */
function describe(body: ExplainRequest, recorded: Recorded | null, context: AdminContext): DescribedRequest {
  const { clock, config } = context;
  const entry = recorded?.entry ?? null;
  const given = body.user_agent === undefined ? null : headerValue(body.user_agent);
  const method = body.method ?? entry?.method ?? '';
  const target = body.path ?? (entry === null ? '' : (whole(entry.path, MAX_PATH) ?? ''));
  mustFit(faultsOf(target, config.proxy.maxTargetBytes));
  return {
    method,
    target,
    address: canonicalAddress(body.ip_address ?? entry?.address ?? ''),
    userAgent: given ?? (entry === null ? null : whole(entry.userAgent ?? '', MAX_USER_AGENT)),
    at: body.at === undefined ? (entry === null ? clock.now() : beganAt(entry)) : Date.parse(body.at),
  };
}

function faultsOf(target: string, maxTargetBytes: number): FieldFault[] {
  const faults: FieldFault[] = [];
  const bytes = Buffer.byteLength(target);
  if (!target.startsWith('/')) {
    faults.push({ pointer: '/path', detail: 'is missing; the log does not have the whole path of that request' });
  } else if (bytes > maxTargetBytes) {
    faults.push({ pointer: '/path', detail: `has ${bytes} bytes; the gateway takes at most ${maxTargetBytes}` });
  }
  return faults;
}

function mustFit(faults: readonly FieldFault[]): void {
  if (faults.length === 0) return;
  throw new ManagementError(
    'validation_failed',
    summary(faults, (fault) => fault.pointer),
    bounded(faults),
  );
}

/** null for a text of which the log does not have all: only the beginning, or not the secrets that were in it. */
function whole(text: string, max: number): string | null {
  return isCut(text, max) || isRedacted(text) ? null : text;
}

/** What a gateway takes for the value of a header (RFC 9110 §5.5): no blanks around it. */
function headerValue(text: string): string {
  let begin = 0;
  let end = text.length;
  while (begin < end && isBlank(text[begin])) begin++;
  while (end > begin && isBlank(text[end - 1])) end--;
  return text.slice(begin, end);
}

/** Not what else `trim` takes away. */
function isBlank(character: string | undefined): boolean {
  return character === ' ' || character === '\t';
}

/** It was decided when it came; the log has when it ended. */
function beganAt({ at, durationUs }: LoggedRequest): number {
  return Math.round(at - durationUs / 1000);
}
