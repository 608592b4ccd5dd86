import { type ZodType, z } from 'zod';
import { describeIssue, describeUnknown, type RawIssue } from './describe-issue.ts';
import { type FieldFault, ManagementError } from './failures.ts';

/** At most so many faults are listed: what has more is wrong in some one way. */
const MAX_FAULTS = 50;

/** One thing that a schema does not take, and where. */
export interface Fault {
  readonly path: readonly PropertyKey[];
  readonly detail: string;
  /** Whether it is another kind of thing than was expected. */
  readonly isOther: boolean;
}

export type Checked<T> = { readonly value: T } | { readonly faults: readonly Fault[] };

type Issue = z.core.$ZodIssue;

const OTHER_KIND: ReadonlySet<Issue['code']> = new Set(['invalid_type', 'invalid_value', 'invalid_union']);

/** Holds a value against a schema. Messages are the schema's own where it has some, else those of describe-issue. */
export function check<T>(schema: ZodType<T>, value: unknown): Checked<T> {
  // zod hands the schema to whoever words an issue, and then drops it; the list of the unknown names stays the same.
  const known = new Map<unknown, readonly string[]>();
  const result = schema.safeParse(value, {
    error: (issue) => {
      if (issue.code === 'unrecognized_keys') known.set(issue.keys, namesOf(issue));
      return describeIssue(issue);
    },
  });
  if (result.success) return { value: result.data };
  return { faults: result.error.issues.flatMap((issue) => faults(issue, [], known)) };
}

/** The body that a schema makes of what was sent. @throws ManagementError validation_failed */
export function checkBody<T>(schema: ZodType<T>, body: unknown): T {
  const result = check(schema, body);
  if ('value' in result) return result.value;
  const errors = result.faults.map(({ path, detail }) => ({ pointer: pointerOf(path), detail }));
  throw new ManagementError(
    'validation_failed',
    summary(errors, ({ pointer }) => pointer),
    bounded(errors),
  );
}

/** Parameters: of the path, or of the query, where one that came several times is a list. */
export type Parameters = Readonly<Record<string, string | readonly string[]>>;

/** @throws ManagementError request_invalid */
export function checkParameters<T>(schema: ZodType<T>, parameters: Parameters): T {
  const result = check(schema, parameters);
  if ('value' in result) return result.value;
  throw invalidParameters(result.faults.map((fault) => parameterFault(fault, parameters)));
}

/** For an endpoint that takes none. @throws ManagementError request_invalid */
export function refuseParameters(parameters: Parameters): void {
  const names = Object.keys(parameters);
  if (names.length === 0) return;
  throw invalidParameters(names.map((parameter) => ({ parameter, detail: 'is unknown; none is taken here' })));
}

function parameterFault({ path, detail, isOther }: Fault, parameters: Parameters): FieldFault {
  const parameter = String(path[0] ?? '');
  const given = path.length === 1 && isOther ? parameters[parameter] : undefined;
  if (!Array.isArray(given)) return { parameter, detail };
  return { parameter, detail: `is given ${given.length} times; expected once` };
}

function invalidParameters(errors: readonly FieldFault[]): ManagementError {
  return new ManagementError(
    'request_invalid',
    summary(errors, ({ parameter }) => parameter),
    bounded(errors),
  );
}

/** What is said of faults all in all: the one that there is, or how many there are. */
export function summary(errors: readonly FieldFault[], place: (fault: FieldFault) => string | undefined): string {
  const [first] = errors;
  if (errors.length !== 1 || first === undefined) return `${errors.length} things are not valid; "errors" lists them.`;
  return sentence(`${place(first) || 'The body'} ${first.detail}`);
}

/** With a full stop, unless it ends in a mark of its own. */
export function sentence(text: string): string {
  return /[.?!…]["”]?$/.test(text) ? text : `${text}.`;
}

/** Those that are listed. */
export function bounded(errors: readonly FieldFault[]): readonly FieldFault[] {
  return errors.slice(0, MAX_FAULTS);
}

/** RFC 6901: `~` and `/` in names are escaped. */
export function pointerOf(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

function faults(issue: Issue, above: readonly PropertyKey[], known: ReadonlyMap<unknown, readonly string[]>): Fault[] {
  const path = [...above, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    const names = known.get(issue.keys) ?? [];
    // What is not listed is only counted: to guess at very many names takes too long.
    const detail = (key: string, i: number) => (i < MAX_FAULTS ? describeUnknown(key, names) : 'is unknown');
    return issue.keys.map((key, i) => ({ path: [...path, key], detail: detail(key, i), isOther: false }));
  }
  const meant = issue.code === 'invalid_union' ? meantAlternative(issue.errors) : null;
  if (meant !== null) return meant.flatMap((inner) => faults(inner, path, known));
  return [{ path, detail: issue.message, isOther: OTHER_KIND.has(issue.code) }];
}

/** The alternative of which what came is the kind, and with the fewest faults; null when it is the kind of none. */
function meantAlternative(alternatives: readonly (readonly Issue[])[]): readonly Issue[] | null {
  const fitting = alternatives.filter((issues) => issues.length > 0 && !issues.some(isOfOtherKind));
  return fitting.reduce<readonly Issue[] | null>(
    (best, issues) => (best === null || issues.length < best.length ? issues : best),
    null,
  );
}

function isOfOtherKind({ code, path }: Issue): boolean {
  return path.length === 0 && OTHER_KIND.has(code);
}

/** The fields that the object which raised an issue has. */
function namesOf({ inst }: RawIssue): readonly string[] {
  return inst instanceof z.ZodObject ? Object.keys(inst.shape) : [];
}
