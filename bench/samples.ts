/** What a store is given when its sizes and its work are measured: as long as it is in use, and the same in each run. */
import { hash } from 'node:crypto';
import type { KeyRecord, KeyRestrictions } from '../src/core/key.ts';
import type { LogBatch, LoggedRequest } from '../src/core/request-log.ts';
import { dayOf, type UsageBatch, type UsageDelta, type UsageScope, type UsageTotals } from '../src/core/usage.ts';
import { benchKey } from './key-record.ts';

/** Keys of one owner. */
const KEYS_PER_OWNER = 10;
const DAY_MS = 86_400_000;
const ROUTES = ['/api/domains/*', '/api/domains/:id', '/api/devices/*', '/api/incidents', '/api/reports/:id'] as const;

/** The id of the key with this number, of the form and length that keys have. */
export function sampleId(i: number): string {
  return `key_${hash('sha256', `id ${i}`, 'hex').slice(0, 24)}`;
}

export function sampleKey(i: number, now: number, restrictions: KeyRestrictions): KeyRecord {
  return {
    ...benchKey(`secret ${i}`, i, now, restrictions),
    id: sampleId(i),
    name: `billing export ${i}`,
    owner: `team-${Math.floor(i / KEYS_PER_OWNER)}`,
    tier: 'service',
    createdAt: now - i * 1_000,
  };
}

/** What a key was asked for in some hours of a day. */
export interface DayShape {
  readonly hours: number;
  readonly routes: number;
}

export function sampleDelta(scope: UsageScope, now: number, { hours, routes }: DayShape): UsageDelta {
  const totals: UsageTotals = { requests: 1_234, errors: 5, timeUs: 9_876_543 };
  const counted = Array.from({ length: hours }, (_, hour) => [hour, totals] as const);
  const each = ROUTES.slice(0, routes).map((route) => [route, 5_432] as const);
  return {
    scope,
    day: dayOf(now),
    hours: Object.fromEntries(counted),
    endpoints: Object.fromEntries(each),
    methods: routes > 1 ? { GET: 20_000, POST: 5_000, DELETE: 123 } : { GET: 5_432 },
    denials: routes > 1 ? { rate_limited: 45, permission_denied: 6 } : {},
  };
}

/** @param writer the process; each of its batches needs a number of its own, in growing order */
export function sampleBatch(
  writer: string,
  number: number,
  keys: readonly number[],
  now: number,
  shape: DayShape,
): UsageBatch {
  return {
    writer: writer.padEnd(12, '-'),
    number,
    uses: keys.map((i) => ({ keyId: sampleId(i), lastUsedAt: now, previousLastUsedAt: null })),
    deltas: keys.map((i) => sampleDelta(`key:${sampleId(i)}`, now, shape)),
    keepFrom: dayOf(now - 400 * DAY_MS),
  };
}

/** Requests of one key, as a gateway writes them. */
export function sampleLog(i: number, entries: number, now: number): LogBatch {
  return {
    keyId: sampleId(i),
    retentionMs: 7 * DAY_MS,
    maxEntries: 10_000,
    entries: Array.from({ length: entries }, (_, n) => requestOf(i, n, now)),
  };
}

function requestOf(i: number, n: number, now: number): LoggedRequest {
  const digits = hash('sha256', `request ${i} ${n}`, 'hex');
  const requestId = [8, 12, 16, 20].map((end, at) => digits.slice([0, 8, 12, 16][at], end)).join('-');
  return {
    keyId: sampleId(i),
    requestId: `${requestId}-${digits.slice(20, 32)}`,
    at: now - n,
    address: `203.0.113.${n % 256}`,
    userAgent: 'acme-sync/2.1 (linux; node)',
    method: 'GET',
    path: `/api/domains/${i}`,
    route: 'GET /api/domains/*',
    status: 200,
    code: null,
    wouldDeny: [],
    durationUs: 3_456,
  };
}
