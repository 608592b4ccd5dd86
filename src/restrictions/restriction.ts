import type { ZodType } from 'zod';
import type { DenialCode } from '../core/denial.ts';
import { type Denial, deny } from '../core/denial.ts';
import type { Places } from '../core/places.ts';
import type { RequestView } from '../core/request.ts';

/**
 * Answers for one request: null when it passes. It runs for every request with the key, on the thread that serves everybody:
 * within a microsecond as a rule, and with a bound on the worst that a key and a request can be (see user-agent.ts).
 */
export type RestrictionTest = (request: RequestView) => Denial | null;

/** How the command line sets it: once for each entry of a list, or as a switch. */
export interface RestrictionOption {
  /** Without the dashes. */
  readonly name: string;
  /** What its value is called in the help, like `CIDR`; null: it is a switch. */
  readonly value: string | null;
  readonly summary: string;
  readonly suggestions?: readonly string[];
}

/**
 * A kind of restriction: one file with this shape, and one line in restrictions/index.ts. The checks, the API and its
 * document, the command line, import and export and `explain` go by that list; what else a new kind needs is in
 * docs/adding-a-restriction.md.
 *
 * `Value` is the form in which it is stored and shown, `Input` what callers may write for it.
 */
export interface RestrictionKind<
  Name extends string = string,
  Field extends string = string,
  Value = unknown,
  Input = Value,
> {
  /** What it is called in lists of what is in shadow, and in explanations: `ip`. */
  readonly name: Name;
  /** Its field on a key: `ip_restrictions`. */
  readonly field: Field;
  /** What it denies with. */
  readonly code: DenialCode;
  /** The value that restricts nothing. */
  readonly none: Value;
  /** What it is called for people, above `text`. */
  readonly label: string;
  /** null: no single option gives the whole value; docs/adding-a-restriction.md lists the files that know of it then. */
  readonly option: RestrictionOption | null;
  /** The stored form, strictly. */
  readonly stored: ZodType<Value>;
  /** What callers of the API may send; what it means is for `normal` and `faults` to say. */
  readonly input: ZodType<Input>;
  /** Its stored form; entries that stand in a list twice are taken out later (`storedRestrictions`). */
  normal(input: Input): Value;
  /** For people: `any`, `refused`, `NL, BE`; '' is not shown. */
  text(value: Value): string;
  /**
   * What is wrong with the value, as sentences `field: message` that name what was written and what was expected; of a
   * list the field names the entry, `ip_restrictions[1]`. Empty when it is fine. Creating and updating a key refuse what
   * this lists.
   */
  faults(value: Value): readonly string[];
  /**
   * Parses a value that has no faults and restricts something.
   * @param places asked for each request, so that what it knows may change
   */
  compile(value: Value, places: Places): RestrictionTest;
  /** What it looks at, as a fragment for people: `address 203.0.113.7`. Not called for each request. */
  seen(value: Value, request: RequestView, places: Places): string;
  /** The value with the least change by which a request that it refuses would pass; null when no value lets it pass. */
  loosened(value: Value, request: RequestView, places: Places): Value | null;
  /**
   * Why a value that is written well refuses every request on a gateway that knows these places, as `field: reason`; null
   * when it does not.
   */
  warning?(value: Value, places: Places): string | null;
}

/** Keeps the types of a kind's parts together; the list holds kinds of all sorts. */
export function restriction<const Name extends string, const Field extends string, Value, Input = Value>(
  kind: RestrictionKind<Name, Field, Value, Input>,
): RestrictionKind<Name, Field, Value, Input> {
  return kind;
}

/**
 * A stored restriction that this version cannot read (a newer one wrote it, or it was damaged) denies every request, also
 * where it is in shadow: to pass would lift a restriction that somebody set.
 * @param reason for the log: the field, and what cannot be read of it
 */
export function denyUnreadable(code: DenialCode, reason: string): RestrictionTest {
  const denial = deny(code, 'A restriction on this key cannot be read by this gateway.', {}, reason);
  return () => denial;
}
