import t from 'tap';
import type { Denial } from '../../src/core/denial.ts';
import type { Gate } from '../../src/core/gate.ts';
import type { KeyRecord } from '../../src/core/key.ts';
import { MAX_LIMIT, take } from '../../src/core/limits.ts';
import type { LimitLedger } from '../../src/core/ports.ts';
import { RouteTable } from '../../src/core/route.ts';
import { canonicalTarget, isFault } from '../../src/core/target.ts';
import { explain } from '../../src/explain/explain.ts';
import type { Change, DescribedRequest, Explanation, World } from '../../src/explain/explanation.ts';
import { fieldFaults, normalFields } from '../../src/keys/key-input.ts';
import { effectiveLimits, loadKey } from '../../src/keys/loader.ts';
import { LedgerLimiter } from '../../src/limits/limiter.ts';
import { fieldsOf } from '../../src/management/admin/key-fields.ts';
import { keyUpdate } from '../../src/management/schemas/key.ts';
import { decide } from '../../src/pipeline.ts';
import { compileGlobal } from '../../src/restrictions/global.ts';
import { ManualClock, NOON } from '../support/clock.ts';
import { CATALOGUE, keyRecord, sqliteStore, view } from '../support/keys.ts';
import { randomFrom, SEED } from '../support/random.ts';
import { PLACES, ROUTES } from './fixture.ts';

const CASES = 1_000;
const ADDRESSES = ['203.0.113.7', '203.0.113.9', '192.0.2.1', '192.0.2.9', '198.51.100.1', '2001:db8::1'];
const ZONES = ['UTC', 'Europe/Amsterdam', 'America/St_Johns', 'Pacific/Apia'];
const DAYS = ['monday', 'friday', 'saturday', 'sunday'];

type Random = (below: number) => number;

/** Chooses, by the numbers of one seed. */
class Chooser {
  readonly below: Random;
  constructor(below: Random) {
    this.below = below;
  }
  one<T>(of: readonly T[]): T {
    return of[this.below(of.length)] as T;
  }
  some<T>(of: readonly T[]): T[] {
    return of.filter(() => this.below(2) === 0);
  }
  /** Once in so many times. */
  rarely(times: number): boolean {
    return this.below(times) === 0;
  }
}

function someTime(choose: Chooser): unknown {
  const hours = choose.some(['09:00-17:00', '22:00-02:30', '12:00-12:40', '00:00-24:00']);
  return {
    timezone: choose.one(ZONES),
    allowed_hours: hours,
    allowed_days: hours.length === 0 ? [choose.one(DAYS)] : choose.some(DAYS),
  };
}

function someRestrictions(choose: Chooser): Record<string, unknown> {
  const given: [string, () => unknown][] = [
    [
      'ip_restrictions',
      () => [choose.one(['10.0.0.0/8', '203.0.113.0/24', '2001:db8::/32', 'no address']), '192.0.2.1'],
    ],
    ['country_restrictions', () => [choose.one(['NL', 'DE', 'FR'])]],
    ['block_tor', () => true],
    ['time_restrictions', () => someTime(choose)],
    ['user_agent_restrictions', () => [choose.one(['acme/*', 'curl/*'])]],
    ['future_restrictions', () => 1],
  ];
  const kept = given.filter(([field]) => choose.rarely(field === 'future_restrictions' ? 20 : 4));
  return Object.fromEntries(kept.map(([field, make]) => [field, make()]));
}

function someKey(choose: Chooser, now: number): KeyRecord {
  return keyRecord({
    status: choose.rarely(6) ? choose.one(['disabled', 'revoked']) : 'active',
    expiresAt: choose.rarely(3) ? now + choose.one([-1, 0, 1, 60_000, 86_400_000]) : null,
    permissions: choose.some(['devices:read', 'domains:*', 'domains:read']).slice(0, choose.below(3)),
    preset: choose.rarely(4) ? 'read_only' : null,
    limits: choose.rarely(2) ? {} : { perHour: choose.one([1, 2, 40]), burst: choose.one([1, 3]) },
    restrictions: someRestrictions(choose),
    shadow: choose.some(['country', 'ip', 'limits', 'time']).slice(0, choose.below(3)),
  });
}

function someRequest(choose: Chooser, now: number): DescribedRequest {
  return {
    method: choose.one(['GET', 'GET', 'GET', 'POST']),
    target: choose.one(['/status', '/api/whoami', '/api/domains/1?x', '/api/report', '/api/domains', '/no/where']),
    address: choose.one(ADDRESSES),
    userAgent: choose.one(['', 'curl/8', 'acme/1']),
    at: now,
  };
}

function someWorld(choose: Chooser): World {
  const isShadow = choose.rarely(4);
  const rules = {
    ip: { allow: [], deny: choose.rarely(6) ? ['203.0.113.9', '192.0.2.0/24'] : [], isShadow },
    country: { block: choose.rarely(6) ? ['DE'] : [], blockUnknown: choose.rarely(8), isShadow },
    tor: { block: choose.rarely(8), isShadow },
  };
  return {
    routes: new RouteTable(ROUTES),
    targetRules: { allowPathParameters: false },
    settings: CATALOGUE,
    places: PLACES,
    configured: new Set(),
    unknownHere: new Set(),
    rules,
    restrictions: compileGlobal(rules, PLACES),
  };
}

/** What the data plane answers to the request, made as a client makes it; `limiter` says whether that spends anything. */
async function answer(
  record: KeyRecord,
  { method, target, address, userAgent, at }: DescribedRequest,
  world: World,
  limiter: Gate['limiter'],
): Promise<Denial | null> {
  const read = canonicalTarget(target, world.targetRules);
  if (isFault(read)) throw new Error(read.fault);
  const key = loadKey(record, world.settings, world.places);
  const found = { key, previousSecret: false };
  const gate: Gate = {
    clock: { now: () => at },
    keys: { peek: () => found, find: () => found, lastAddress: () => null },
    failures: { blockedFor: () => 0, record: () => undefined },
    limiter,
    restrictions: world.restrictions,
  };
  const headers: Readonly<Record<string, string>> = { authorization: 'Bearer x', 'user-agent': userAgent ?? '' };
  const header = (name: string): string | undefined => (headers[name] === '' ? undefined : headers[name]);
  const request = { ...view({ method, path: read.path, address: address ?? '', at }), header };
  return (await decide(request, world.routes, gate)).denial;
}

/** A key after an update as the API takes it; the faults that it would be refused for are thrown. */
function updated(record: KeyRecord, set: NonNullable<Change['set']>, now: number): KeyRecord {
  const fields = fieldsOf(keyUpdate.parse(set), record, CATALOGUE);
  // What cannot be read of other restrictions is none of this change.
  const { restrictions, ...others } = fields;
  const faults = fieldFaults(others, record.type, CATALOGUE, now);
  if (faults.length > 0) throw new Error(JSON.stringify(faults));
  return { ...record, ...normalFields({ ...others, ...(restrictions === undefined ? {} : { restrictions }) }) };
}

/** A key after what a change says: to enable it is no field of it. */
function changed(record: KeyRecord, { text, set }: Change, now: number): KeyRecord {
  const enabled: KeyRecord = text.startsWith('enable') ? { ...record, status: 'active' } : record;
  return set === null ? enabled : updated(enabled, set, now);
}

/** Answers what the ledger would, and takes nothing. */
function peeking(ledger: LimitLedger): Gate['limiter'] {
  return {
    async admit({ record, limits }) {
      const { state, now } = await ledger.peek(record.id);
      return take(state, limits, 1, now).lease;
    },
  };
}

/** Milliseconds until a wait is over; null: it is no wait. */
function waitOf({ text }: Change, at: number): number | null {
  const seconds = /^wait (\d+) s$/.exec(text)?.[1];
  if (seconds !== undefined) return Number(seconds) * 1_000;
  const until = /^wait until (\S+)$/.exec(text)?.[1];
  return until === undefined ? null : Date.parse(until) - at;
}

t.test('what is explained is what is decided, and what suffices does', async (t) => {
  const choose = new Chooser(randomFrom(SEED));
  const clock = new ManualClock();
  const { limits: ledger } = await sqliteStore(t, clock);
  const seen = { allowed: 0, set: 0, waits: 0, together: 0 };
  const wrong: unknown[] = [];
  const note = (what: string, more: object): void => {
    if (wrong.length < 3) wrong.push({ what, ...more });
  };
  for (let i = 0; i < CASES; i++) {
    clock.time = NOON + choose.below(14 * 86_400_000);
    const now = clock.time;
    const record = someKey(choose, now);
    const request = someRequest(choose, now);
    const world = someWorld(choose);
    const held = effectiveLimits(record, CATALOGUE);
    if (choose.rarely(3)) await ledger.lease(record.id, held, Math.min(held.burst, held.perHour, MAX_LIMIT));
    const told = await explain(record, request, world, (id) => ledger.peek(id));
    checkSteps(told, (what) => note(what, { record, request, told }));
    for (const change of told.changes.filter(({ suffices }) => suffices)) {
      const waitMs = waitOf(change, now);
      if (change.set === null && waitMs === null && !change.text.startsWith('enable')) continue;
      seen[waitMs === null ? 'set' : 'waits']++;
      clock.time = now + (waitMs ?? 0);
      const after = changed(record, change, now);
      const denial = await answer(after, { ...request, at: clock.time }, world, peeking(ledger));
      if (denial !== null) note('it does not suffice', { record, request, change, denial });
      clock.time = now;
    }
    seen.together += told.togetherSuffice === true ? 1 : 0;
    seen.allowed += told.allowed === true ? 1 : 0;
    // Now in earnest: only here anything is spent.
    const denial = await answer(record, request, world, new LedgerLimiter(ledger, clock, 100));
    const [code, allowed] = [denial?.code ?? null, denial === null];
    if (told.code !== code || told.allowed !== allowed)
      note('it is decided otherwise', { record, request, told, code });
  }
  t.strictSame(wrong, []);
  for (const [what, times] of Object.entries(seen)) t.ok(times >= CASES / 100, `${what}: ${times}`);
});

/** What must hold of every explanation of a request of which all is known. */
function checkSteps(
  { steps, code, allowed, changes, togetherSuffice }: Explanation,
  note: (what: string) => void,
): void {
  const denied = steps.filter(({ verdict }) => verdict === 'denied');
  if ((denied[0]?.code ?? null) !== code) note('the first step that denies has another code');
  if (steps.some(({ verdict }) => verdict === 'unknown')) note('all is known');
  if ((togetherSuffice === null) !== (allowed === true)) note('what suffices together is said of what is denied');
  if (denied.length > 1 && changes.some(({ suffices }) => suffices)) {
    const waits = changes.filter(({ suffices }) => suffices).every(({ text }) => text.startsWith('wait'));
    if (!waits) note('one change mends more than one step');
  }
  const firstNot = changes.findIndex(({ suffices }) => !suffices);
  if (firstNot >= 0 && changes.slice(firstNot).some(({ suffices }) => suffices)) note('what suffices comes first');
  if (changes.some(({ step }) => steps[step]?.verdict !== 'denied')) note('a change is for a step that denies');
  // Whoever must wait may find that the key has expired meanwhile, or that its hours are over.
  if (changes.some(({ text }) => text.startsWith('wait'))) return;
  const mendable = denied.every(({ code: each }) => each !== 'key_revoked');
  if (denied.length > 0 && togetherSuffice !== mendable) note('all that can be mended is mended together');
}
