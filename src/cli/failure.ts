import { ConfigError, formatProblem } from '../config/problem.ts';
import { PlacesError } from '../core/places.ts';
import { StoreError } from '../core/ports.ts';
import { KeyError, type KeyFault } from '../keys/key-error.ts';
import { type FailureCode, type FieldFault, ManagementError } from '../management/failures.ts';
import { RemoteError } from '../management/remote-error.ts';
import { oneLine } from '../observe/log-text.ts';
import { redactSecrets } from '../observe/redact.ts';
import type { Io } from './io.ts';
import { fieldOfPointer, flagOfField } from './keys/field-flags.ts';

export const DONE = 0;
export const FAILED = 1;
export const USAGE = 2;

/** One thing that is wrong; `file`, `line` and `column` where it stands in a file. */
interface Fault extends KeyFault {
  readonly file?: string;
  readonly line?: number | null;
  readonly column?: number | null;
}

/** A command that could not do what was asked. Compare `code`, never the message. */
export class CliError extends Error {
  /** `USAGE`, or what failed: `LISTEN_FAILED`, … */
  readonly code: string;
  readonly exitCode: number;
  readonly faults: readonly KeyFault[];
  constructor(code: string, message: string, exitCode: number = FAILED, faults: readonly KeyFault[] = []) {
    super(message);
    this.name = 'CliError';
    this.code = code;
    this.exitCode = exitCode;
    this.faults = faults;
  }
}

/** The command line itself is wrong: nothing was tried. */
export function usageError(message: string): CliError {
  return new CliError('USAGE', message, USAGE);
}

interface Failure {
  readonly code: string;
  /** For a person, one problem to a line. */
  readonly lines: readonly string[];
  /** What each line begins with for a person: nothing where it names a file, which terminals and editors open. */
  readonly prefix: string;
  readonly faults: readonly Fault[];
  readonly exitCode: number;
}

/**
 * Tells the user what went wrong.
 *
 * @returns the exit code
 */
export function report(error: unknown, io: Io, json: boolean): number {
  const { code, lines, prefix, faults, exitCode } = failureOf(error);
  const clean = lines.map((line) => redactSecrets(line));
  if (json) io.say(redactSecrets(JSON.stringify({ error: { code, message: clean.join('\n'), faults } })));
  else for (const line of clean) io.say(prefix + line);
  return exitCode;
}

function failureOf(error: unknown): Failure {
  if (error instanceof CliError) return failure(error.code, [oneLine(error.message)], error.faults, error.exitCode);
  if (error instanceof ConfigError) return configFailure(error);
  if (error instanceof KeyError) return keyFailure(error);
  if (error instanceof ManagementError) return managementFailure(error);
  if (error instanceof StoreError || error instanceof RemoteError || error instanceof PlacesError) {
    return failure(error.code, [oneLine(error.message)]);
  }
  if (isWriteError(error)) return failure('OUTPUT_FAILED', [`standard output cannot be written (${error.code})`]);
  // A mistake in the program: whoever mends it needs to know where.
  const details = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return failure('INTERNAL', [`internal error: ${details}`]);
}

function failure(
  code: string,
  lines: readonly string[],
  faults: readonly Fault[] = [],
  exitCode: number = FAILED,
): Failure {
  return { code, lines, prefix: 'latchkey: ', faults, exitCode };
}

/** Every problem of a configuration, each where it stands. */
function configFailure(error: ConfigError): Failure {
  const lines = error.problems.map((problem) => oneLine(formatProblem(problem)));
  if (error.omitted > 0) lines.push(`… and ${error.omitted} more`);
  const faults = error.problems.map(({ path, ...rest }) => ({ field: path, ...rest }));
  return { ...failure('CONFIG_INVALID', lines, faults), prefix: '' };
}

/** What was given for a key is named by the option that gave it. */
function keyFailure({ code, faults, message }: KeyError): Failure {
  return failure(code, faultLines(faults, message), faults, code === 'KEY_INVALID' ? USAGE : FAILED);
}

/** What the management API calls a mistake of whoever asks is one of the command line. */
const MISTAKES: ReadonlySet<FailureCode> = new Set(['validation_failed', 'request_invalid', 'body_malformed']);
const TOKEN_FAILURES: ReadonlySet<FailureCode> = new Set(['token_missing', 'token_invalid']);

function managementFailure({ code, errors, message }: ManagementError): Failure {
  const faults = errors.map((each) => ({ field: fieldOfFault(each), message: each.detail }));
  const said = TOKEN_FAILURES.has(code)
    ? `the management token was refused: ${message} (LATCHKEY_TOKEN; "latchkey token" makes one)`
    : message;
  return failure(code.toUpperCase(), faultLines(faults, said), faults, MISTAKES.has(code) ? USAGE : FAILED);
}

function fieldOfFault({ pointer, parameter, header }: FieldFault): string {
  return parameter ?? header ?? fieldOfPointer(pointer ?? '');
}

/** Each fault named by its option; without any, the message. */
function faultLines(faults: readonly Fault[], message: string): string[] {
  if (faults.length === 0) return [oneLine(message)];
  return faults.map((fault) => {
    const flag = flagOfField(fault.field);
    return oneLine(flag === '' ? fault.message : `${flag}: ${fault.message}`);
  });
}

function isWriteError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && error.syscall === 'write';
}
