import t from 'tap';
import type { KeyRecord } from '../../src/core/key.ts';
import { type RouteSource, RouteTable } from '../../src/core/route.ts';
import type { World } from '../../src/explain/explanation.ts';
import { Replay, type ReplayOptions } from '../../src/explain/replay.ts';
import type { ReplayReport } from '../../src/explain/replay-report.ts';
import type { RecordedRequest } from '../../src/explain/replay-request.ts';
import type { GlobalRules } from '../../src/restrictions/global.ts';
import { ManualClock, NOON } from '../support/clock.ts';
import { CATALOGUE, keyRecord, sqliteStore } from '../support/keys.ts';
import { globally, ROUTES } from './fixture.ts';

/** A world, as today's unless the test says otherwise. */
export function worldWith(
  given: Partial<World['settings']> & {
    readonly routes?: RouteSource;
    readonly rules?: Partial<GlobalRules>;
  } = {},
): World {
  const { routes = ROUTES, rules = {}, ...settings } = given;
  return {
    routes: new RouteTable(routes),
    targetRules: { allowPathParameters: false },
    settings: { ...CATALOGUE, ...settings },
    configured: new Set(['country', 'tor']),
    unknownHere: new Set(),
    ...globally(rules),
  };
}

export interface ReplayFixture {
  /** Keys that the store was asked for. */
  readonly asked: string[];
  /** Stores a key. */
  key(given?: Partial<KeyRecord>): Promise<KeyRecord>;
  /** A request of a key, later by a second than the one before, let through, unless the test says otherwise. */
  by(key: KeyRecord | null, given?: Partial<RecordedRequest>): RecordedRequest;
  /** Replays requests, in today's world unless the options say otherwise. */
  run(requests: Iterable<RecordedRequest>, options?: Partial<ReplayOptions>): Promise<ReplayReport>;
}

const opened = sqliteStore(t, new ManualClock());

/** Replays over a real store, which the tests of a file share: each has keys of its own. */
export async function replaysOf(): Promise<ReplayFixture> {
  const store = await opened;
  const asked: string[] = [];
  let serial = 0;
  return {
    asked,
    async key(given = {}) {
      const record = keyRecord(given);
      await store.keys.create(record);
      return record;
    },
    by(key, given = {}) {
      const at = given.at ?? NOON + serial * 1000;
      return {
        keyId: key?.id ?? null,
        requestId: `req_${++serial}`,
        at,
        endedAt: at,
        address: '203.0.113.7',
        userAgent: 'curl/8',
        method: 'GET',
        path: '/api/whoami',
        code: null,
        ...given,
      };
    },
    async run(requests, options = {}) {
      const replay = new Replay({
        today: worldWith(),
        proposed: null,
        changed: null,
        keyId: null,
        from: Number.NEGATIVE_INFINITY,
        to: Number.POSITIVE_INFINITY,
        simulatesLimits: true,
        findKey: (id) => {
          asked.push(id);
          return store.keys.get(id);
        },
        ...options,
      });
      for (const request of requests) await replay.add(request);
      return replay.report;
    },
  };
}

/** A group in few words: `3 × key_… GET /path: null -> ip_blocked`. */
export function groupsOf({ groups }: ReplayReport['newlyDenied']): string[] {
  return groups.map(({ count, keyId, route, before, after }) => `${count} × ${keyId} ${route}: ${before} -> ${after}`);
}
