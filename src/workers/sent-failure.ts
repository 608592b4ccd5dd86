import { ConfigError, type ConfigProblem } from '../config/problem.ts';
import { PlacesError } from '../core/places.ts';
import { StoreError } from '../core/ports.ts';

/** Causes of causes that are sent along. */
const MAX_DEPTH = 4;
/** What is sent of the system's own errors, by which a listener is named. */
const SYSTEM_FIELDS = ['code', 'syscall', 'port', 'address', 'hostname'] as const;

type SystemFields = { readonly [name in (typeof SYSTEM_FIELDS)[number]]?: string | number };

/** Why a worker could not start, as it goes from one process to another: errors lose their class and fields on the way. */
export type SentFailure =
  | { readonly kind: 'config'; readonly problems: readonly ConfigProblem[] }
  | { readonly kind: 'store'; readonly code: StoreError['code']; readonly message: string }
  | {
      readonly kind: 'places';
      readonly code: PlacesError['code'];
      readonly setting: string;
      readonly problem: string;
    }
  | {
      readonly kind: 'other';
      readonly message: string;
      readonly stack: string | undefined;
      readonly system: SystemFields;
      readonly cause: SentFailure | null;
    };

export function sentFailure(error: unknown, depth = 0): SentFailure {
  if (error instanceof ConfigError) return { kind: 'config', problems: error.problems };
  if (error instanceof StoreError) return { kind: 'store', code: error.code, message: error.message };
  if (error instanceof PlacesError) {
    return { kind: 'places', code: error.code, setting: error.setting, problem: error.problem };
  }
  if (!(error instanceof Error)) {
    return { kind: 'other', message: String(error), stack: undefined, system: {}, cause: null };
  }
  const cause = error.cause === undefined || depth === MAX_DEPTH ? null : sentFailure(error.cause, depth + 1);
  return { kind: 'other', message: error.message, stack: error.stack, system: systemFields(error), cause };
}

/** The error as it was, as far as anybody asks. */
export function failureError(failure: SentFailure): Error {
  switch (failure.kind) {
    case 'config':
      return new ConfigError(failure.problems);
    case 'store':
      return new StoreError(failure.code, failure.message);
    case 'places':
      return new PlacesError(failure.code, failure.setting, failure.problem);
    case 'other': {
      const { message, stack, system, cause } = failure;
      const error = new Error(message, cause === null ? {} : { cause: failureError(cause) });
      if (stack !== undefined) error.stack = stack;
      return Object.assign(error, system);
    }
  }
}

function systemFields(error: Error): SystemFields {
  const found = SYSTEM_FIELDS.flatMap((name) => {
    const value: unknown = Reflect.get(error, name);
    return typeof value === 'string' || typeof value === 'number' ? [[name, value] as const] : [];
  });
  return Object.fromEntries(found);
}
