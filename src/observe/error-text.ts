/** What the log says of an error. */
export interface LoggedError {
  readonly type: string;
  readonly message: string;
  readonly code?: string;
  readonly stack?: string;
  readonly cause?: LoggedError;
}

const MAX_MESSAGE = 2048;
const MAX_STACK = 8192;
/** Causes of causes that are followed. */
const MAX_DEPTH = 4;

/**
 * Named fields only. Errors carry whatever their makers put on them (a Redis client's hold the command with its
 * arguments, which may be a password), and pino's own serializer would write all of it.
 */
export function loggedError(error: unknown, depth = 0): LoggedError {
  if (!(error instanceof Error)) return { type: typeof error, message: cut(String(error), MAX_MESSAGE) };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const cause = error.cause !== undefined && depth < MAX_DEPTH ? loggedError(error.cause, depth + 1) : undefined;
  return {
    type: error.name,
    message: cut(error.message, MAX_MESSAGE),
    ...(code === undefined ? {} : { code }),
    ...(error.stack === undefined ? {} : { stack: cut(error.stack, MAX_STACK) }),
    ...(cause === undefined ? {} : { cause }),
  };
}

function cut(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max)}...`;
}
