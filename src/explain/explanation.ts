import type { CompiledRestriction } from '../core/decision.ts';
import type { DenialCode } from '../core/denial.ts';
import type { KeyRecord } from '../core/key.ts';
import type { MaybePromise } from '../core/maybe.ts';
import type { Places } from '../core/places.ts';
import type { Counted } from '../core/ports.ts';
import type { Route, RouteTable } from '../core/route.ts';
import type { TargetRules } from '../core/target.ts';
import type { LoadSettings } from '../keys/loader.ts';
import type { GlobalRules } from '../restrictions/global.ts';

/** A configuration, and what is known where it is in force: what a decision depends on besides the request and its key. */
export interface World {
  readonly routes: RouteTable;
  readonly targetRules: TargetRules;
  /** Tiers, presets, roles and what is in shadow. */
  readonly settings: LoadSettings;
  readonly places: Places;
  /** Kinds of restrictions that look at places for which a source is configured: `country`, `tor`. */
  readonly configured: ReadonlySet<string>;
  /** Of these, those whose source a gateway knows and this process does not: nobody can say what they come to. */
  readonly unknownHere: ReadonlySet<string>;
  /** What holds for every request, as it is written. */
  readonly rules: GlobalRules;
  /** The same, parsed. */
  readonly restrictions: readonly CompiledRestriction[];
}

/** What is counted of a key, as `LimitLedger.peek` answers; @throws StoreError */
export type Peek = (keyId: string) => MaybePromise<Counted>;

/** A request as somebody describes it. */
export interface DescribedRequest {
  readonly method: string;
  /** The target as a client sends it: path and perhaps a query. */
  readonly target: string;
  /** null: not given; what looks at it can then not be said. */
  readonly address: string | null;
  /** null: not given; '' stands for a request without one. */
  readonly userAgent: string | null;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** What came of one step. */
export type Verdict =
  | 'passed'
  | 'denied'
  /** It is in shadow, and would have denied. */
  | 'would_deny'
  /** It depends on something that was not given, or that is not known here. */
  | 'unknown'
  /** The route is public: it is not asked. */
  | 'skipped';

/** One check, or one restriction of a check that has several, in the order in which a request meets them. */
export interface Step {
  /** `request` (whether it has one meaning at all), or the name of a check. */
  readonly check: string;
  /** `ip`, `time`, …; null for a check that is one thing. */
  readonly restriction: string | null;
  readonly verdict: Verdict;
  /** Of a denial, also of one in shadow; null otherwise. */
  readonly code: DenialCode | null;
  /** Why, for people: what it looked at, and what was found. */
  readonly detail: string;
  /** When it would pass, milliseconds since the epoch, where only time is in the way; null otherwise. */
  readonly passesAt: number | null;
}

/** Something that could be changed so that the request passes. */
export interface Change {
  /** For people, as an imperative: `add 203.0.113.7 to ip_restrictions`. */
  readonly text: string;
  /**
   * Fields of the key as the API takes them in an update; null when there are none to set. What else is to be done, as to
   * enable the key, is in the text.
   */
  readonly set: Readonly<Record<string, unknown>> | null;
  /** Which step it is for, as an index of `steps`. */
  readonly step: number;
  /** Whether it lets the request through all by itself: it was tried. */
  readonly suffices: boolean;
}

/** Why a request passes or not. */
export interface Explanation {
  /** null: that depends on something that was not given, or that is not known here. */
  readonly allowed: boolean | null;
  /** The denial that the request would be answered with; null when none. */
  readonly code: DenialCode | null;
  /** Canonical path; null when the target has none. */
  readonly path: string | null;
  readonly route: Route | null;
  /** The permission of the key that opens the route, as it is written there, perhaps a wildcard; null when none does, or none is asked for. */
  readonly permission: string | null;
  readonly steps: readonly Step[];
  /** How the limits stand before this request; null on a public route, or when the store cannot say. */
  readonly limits: StandingLimits | null;
  /** Those that suffice first. Empty when it passes. */
  readonly changes: readonly Change[];
  /** Whether the first change for each step that denies lets it through, all of them together; null when there is no denial. */
  readonly togetherSuffice: boolean | null;
}

export interface StandingLimits {
  readonly burst: StandingLimit;
  readonly hour: StandingLimit;
  readonly day: StandingLimit;
  /** false: at least so much remains. Another process counts, and wrote more down than it has admitted. */
  readonly isExact: boolean;
}

export interface StandingLimit {
  readonly limit: number;
  readonly remaining: number;
  /** Milliseconds until all of it is there again. */
  readonly fullInMs: number;
}

/** Why a described request passes or not; spends nothing, and counts as no attempt. */
export type Explain = (record: KeyRecord, request: DescribedRequest, world: World, peek: Peek) => Promise<Explanation>;
