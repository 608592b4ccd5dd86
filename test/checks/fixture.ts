import type { Decision } from '../../src/core/decision.ts';
import type { Gate } from '../../src/core/gate.ts';
import type { KeyRecord } from '../../src/core/key.ts';
import type { MaybePromise } from '../../src/core/maybe.ts';
import { type RouteSource, RouteTable } from '../../src/core/route.ts';
import { createFailureThrottle } from '../../src/limits/failure-throttle.ts';
import { LedgerLimiter } from '../../src/limits/limiter.ts';
import { decide } from '../../src/pipeline.ts';
import { type DirectoryFixture, setUp as directorySetUp } from '../keys/fixture.ts';
import { SyncLedger } from '../limits/ledgers.ts';
import { type Tap, view } from '../support/keys.ts';

export const ROUTES: RouteSource = {
  public: ['GET /status'],
  anyKey: ['GET /api/whoami'],
  permissions: {
    'domains:read': ['GET /api/domains/*', 'GET /api/report'],
    'domains:write': ['POST /api/domains'],
    'devices:read': ['GET /api/report'],
  },
};

/** Failures that one address may have here, and that come back each minute. */
export const BURST = 5;
export const PER_MINUTE = 6;

export interface Asked {
  readonly secret?: string;
  readonly authorization?: string;
  readonly method?: string;
  readonly path?: string;
  readonly address?: string;
  readonly userAgent?: string;
}

export interface GateFixture extends DirectoryFixture {
  readonly ledger: SyncLedger;
  readonly gate: Gate;
  /** Decides, at the time that the clock shows, on `GET /api/whoami` unless the test says otherwise. */
  ask(asked: Asked): MaybePromise<Decision>;
  /** The code of the denial, or null. */
  code(asked: Asked): Promise<string | null>;
  /** Stores a key and uses it once from an address. */
  used(address: string, given?: Partial<KeyRecord>): Promise<string>;
}

/** All the checks over a real directory, store and throttle, and a ledger that answers at once. */
export async function setUp(t: Tap, routes: RouteSource = ROUTES): Promise<GateFixture> {
  const fixture = await directorySetUp(t);
  const { clock, directory, issue } = fixture;
  const ledger = new SyncLedger(clock);
  const gate: Gate = {
    clock,
    keys: directory,
    failures: createFailureThrottle({ burst: BURST, perMinute: PER_MINUTE, maxAddresses: 1_000 }),
    limiter: new LedgerLimiter(ledger, clock, 100),
    restrictions: [],
  };
  const table = new RouteTable(routes);
  const ask = ({ secret, authorization, ...rest }: Asked): MaybePromise<Decision> => {
    const credentials = secret === undefined ? authorization : `Bearer ${secret}`;
    const given = credentials === undefined ? {} : { authorization: credentials };
    return decide(view({ path: '/api/whoami', at: clock.now(), ...rest, ...given }), table, gate);
  };
  const code = async (asked: Asked) => (await ask(asked)).denial?.code ?? null;
  const used = async (address: string, given: Partial<KeyRecord> = {}) => {
    const { secret } = await issue(given);
    await ask({ secret, address });
    return secret;
  };
  return { ...fixture, ledger, gate, ask, code, used };
}
