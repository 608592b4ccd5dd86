import { Redis } from 'ioredis';
import t, { type Test } from 'tap';
import type { Serving } from '../cli/serving.ts';
import { type Answer, ask, type Issued, pause, redisFor, Site, until } from '../e2e/site.ts';
import { startRawUpstream } from '../support/raw-upstream.ts';
import type { RedisServer } from '../support/redis.ts';
import { type Wire, wireTo } from './outage-wire.ts';
import { type Relay, relayTo } from './relay.ts';

const TIMEOUT_MS = 300;
/** What a gateway may take beyond the time that it waits for Redis, which it does once for a request. */
const SPARE_MS = 50;
/** So many times what a request takes meanwhile that waits for nothing: that is the machine, busy with other tests. */
const BUSY = 3;
/** An idle machine takes less than two seconds; a connection that is silent is given up after ten timeouts. */
const BACK_WITHIN_MS = 15_000;
/** Over the moments at which the gateway asks the store again. */
const ASKED = 12;
const PAUSE_MS = 50;

const LIMIT = 10;
const USED = 3;
/** Redis takes a while to load what it has saved, and says so meanwhile. */
const SLOW_TO_LOAD = ['--key-load-delay', '10000', '--loading-process-events-interval-bytes', '1024'];
const ENTRIES = 200;

interface Place {
  readonly redis: RedisServer;
  /** Straight to Redis. */
  readonly admin: Redis;
  readonly wire: Wire;
  readonly relay: Relay;
}

interface Outage {
  readonly name: string;
  /** Whether keys can be read all the same; only nothing can be written. */
  readonly isReadable?: true | 'until a write waits before it';
  begin(place: Place): unknown;
  end(place: Place): unknown;
}

const CUT_CLIENTS = ['CLIENT', 'KILL', 'TYPE', 'normal'] as const;

let loading: Promise<void> = Promise.resolve();

const OUTAGES: readonly Outage[] = [
  {
    name: 'Redis answers, but later than may be waited for',
    begin: ({ wire }) => wire.delay(2 * TIMEOUT_MS),
    end: ({ wire }) => wire.delay(0),
  },
  {
    name: 'Redis does what it is asked, and its answers are lost',
    begin: ({ wire }) => wire.drop(),
    end: ({ wire }) => wire.mend(),
  },
  {
    name: 'connections to Redis are half-open, and new ones are as well',
    begin: ({ wire, relay }) => {
      relay.swallow('');
      wire.drop();
    },
    end: ({ wire }) => wire.mend(),
  },
  {
    name: 'connections to Redis are refused',
    begin: ({ relay }) => relay.refuse(),
    end: ({ relay }) => relay.mend(),
  },
  {
    name: 'Redis is stopped (SIGSTOP), and goes on where it was',
    begin: ({ redis }) => redis.suspend(),
    end: ({ redis }) => redis.resume(),
  },
  {
    name: 'Redis lets writes wait (CLIENT PAUSE WRITE), and does them all in the end',
    begin: ({ admin }) => admin.client('PAUSE', 60_000, 'WRITE'),
    end: ({ admin }) => admin.client('UNPAUSE'),
    isReadable: 'until a write waits before it',
  },
  {
    name: 'Redis is killed, and started again with what it has saved',
    begin: async ({ redis, admin }) => {
      await admin.save();
      await redis.kill();
    },
    end: ({ redis }) => redis.restart(),
  },
  {
    name: 'Redis has become a replica (READONLY)',
    begin: ({ admin }) => admin.replicaof('127.0.0.1', 1),
    end: ({ admin }) => admin.replicaof('NO', 'ONE'),
    isReadable: true,
  },
  {
    name: 'Redis is a replica that lost its primary and does not read without it (MASTERDOWN)',
    begin: async ({ admin }) => {
      await admin.config('SET', 'replica-serve-stale-data', 'no');
      await admin.replicaof('127.0.0.1', 1);
    },
    end: ({ admin }) => admin.replicaof('NO', 'ONE'),
  },
  {
    name: 'the memory of Redis is full (OOM)',
    begin: ({ admin }) => admin.config('SET', 'maxmemory', '1'),
    end: ({ admin }) => admin.config('SET', 'maxmemory', '0'),
    isReadable: true,
  },
  {
    name: 'too few replicas have what is written (NOREPLICAS)',
    begin: ({ admin }) => admin.config('SET', 'min-replicas-to-write', '1'),
    end: ({ admin }) => admin.config('SET', 'min-replicas-to-write', '0'),
    isReadable: true,
  },
  {
    name: 'Redis wants a password (NOAUTH)',
    begin: async ({ admin }) => {
      await admin.config('SET', 'requirepass', 'another');
      await admin.call(...CUT_CLIENTS);
    },
    end: ({ admin }) => admin.config('SET', 'requirepass', ''),
  },
  {
    name: 'the user may do nothing (NOPERM)',
    begin: ({ admin }) => admin.acl('SETUSER', 'default', '-@all', '+client', '+acl'),
    end: ({ admin }) => admin.acl('SETUSER', 'default', '+@all'),
  },
  {
    name: 'Redis loads what it has saved (LOADING)',
    begin: async ({ redis, admin }) => {
      for (let i = 0; i < ENTRIES; i++) await admin.set(`other:${i}`, 'x'.repeat(1_000));
      await admin.save();
      await redis.kill();
      let isLoaded = false;
      const load = async (): Promise<void> => {
        await redis.restart();
        isLoaded = true;
      };
      loading = load();
      await until(async () => isLoaded || (await admin.ping().catch(String)).includes('LOADING'));
    },
    end: () => loading,
  },
];

interface Timed extends Answer {
  readonly ms: number;
}

async function timed(url: string, secret: string): Promise<Timed> {
  const began = performance.now();
  const answer = await ask(url, secret);
  return { ...answer, ms: performance.now() - began };
}

function said(answers: readonly Answer[]): string[] {
  return [...new Set(answers.map(({ status, code }) => (code === undefined ? `${status}` : `${status} ${code}`)))];
}

/** The slowest but for one in a hundred, in whole milliseconds. */
function p99(answers: readonly Timed[]): number {
  const sorted = answers.map(({ ms }) => ms).toSorted((a, b) => a - b);
  return Math.round(sorted[Math.ceil(sorted.length * 0.99) - 1] ?? 0);
}

/** Asks again and again until it is over. */
async function measured(over: AbortSignal, ask: () => Promise<void>): Promise<void> {
  while (!over.aborted) {
    await ask();
    await pause(PAUSE_MS / 5);
  }
}

/** What the key that is in memory, and the one that is not, are answered for a while. */
async function meanwhile(t: Test, { url }: Serving, known: Issued, unknown: Issued, outage: Outage): Promise<void> {
  const [ofKnown, ofUnknown, ofNone]: [Timed[], Timed[], Timed[]] = [[], [], []];
  const asked = async (answers: Timed[], secret: string): Promise<void> => {
    answers.push(await timed(url, secret));
  };
  for (let i = 0; i < ASKED; i++) {
    const over = new AbortController();
    const others = Promise.all([asked(ofKnown, known.secret), asked(ofUnknown, unknown.secret)]);
    const meter = measured(over.signal, () => asked(ofNone, 'lk_wrong'));
    await others;
    over.abort();
    await meter;
    await pause(PAUSE_MS);
  }
  t.strictSame(said(ofKnown), ['200'], 'a key in memory keeps working');
  const [read, refused] = ['200', '503 key_store_unavailable'];
  const expected = outage.isReadable === undefined ? [refused] : outage.isReadable === true ? [read] : [read, refused];
  t.ok(
    said(ofUnknown).every((each) => expected.includes(each)),
    `another is never refused as unknown: ${said(ofUnknown).join()}`,
  );
  if (outage.isReadable === undefined) t.match(ofUnknown[0]?.headers.get('retry-after'), /^[1-9]\d*$/);
  const busyMs = BUSY * Math.max(...ofNone.map(({ ms }) => ms));
  for (const answers of [ofKnown, ofUnknown]) {
    t.ok(p99(answers) <= TIMEOUT_MS + SPARE_MS + busyMs, `none waits for Redis twice: ${p99(answers)} ms`);
  }
  const figures = [ofKnown, ofUnknown, ofNone].map(p99);
  t.comment(`p99 in memory ${figures[0]} ms, not in memory ${figures[1]} ms, without a key ${figures[2]} ms`);
}

async function answersTo({ url }: Serving, { secret }: Issued, count: number): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let i = 0; i < count; i++) answers.push(await ask(url, secret));
  return answers;
}

/** Uses up some of the limit. A machine that is busy may look like a store that does not answer: then it is asked again. */
async function used({ url }: Serving, { secret }: Issued, count: number): Promise<Answer[]> {
  const answers: Answer[] = [];
  while (answers.length < count) {
    const answer = await ask(url, secret);
    if (answer.code === 'key_store_unavailable') await pause(PAUSE_MS);
    else answers.push(answer);
  }
  return answers;
}

function passed(answers: readonly Answer[]): number {
  return answers.filter(({ status }) => status === 200).length;
}

t.test('whatever Redis cannot do', async (t) => {
  const redis = await redisFor(t, ...SLOW_TO_LOAD);
  const admin = new Redis(redis.url, {
    protocol: 2,
    enableReadyCheck: false,
    retryStrategy: () => 20,
    maxRetriesPerRequest: 0,
  });
  admin.on('error', () => undefined);
  t.teardown(() => admin.disconnect());
  const wire = await wireTo(t, redis.port);
  const relay = await relayTo(t, wire.port);
  const upstream = await startRawUpstream(t);
  const direct = new Site(t, { upstream: upstream.url, store: `${redis.url}/0` });
  const site = new Site(t, {
    upstream: upstream.url,
    store: `redis://127.0.0.1:${relay.port}/0`,
    storeTimeout: `${TIMEOUT_MS}ms`,
  });
  // Keys come first: one that the gateway is told has changed is read again before it is used, or refused.
  const known = await direct.create();
  const keys: (readonly [unknown: Issued, limited: Issued, late: Issued])[] = [];
  for (const _ of OUTAGES) {
    const limits = ['--per-hour', `${LIMIT}`, '--per-day', `${LIMIT}`, '--burst', `${LIMIT}`];
    keys.push([await direct.create(), await direct.create(...limits), await direct.create()]);
  }
  const gateway = await site.serve();
  for (const [i, outage] of OUTAGES.entries()) {
    const [unknown, limited, late] = keys[i] ?? [known, known, known];
    await t.test(outage.name, async (t) => {
      t.equal(passed(await used(gateway, limited, USED)), USED);
      t.match(await ask(gateway.url, known.secret), { status: 200 });

      await outage.begin({ redis, admin, wire, relay });
      await meanwhile(t, gateway, known, unknown, outage);
      const counted = await answersTo(gateway, limited, LIMIT);
      t.equal(passed(counted), LIMIT - USED, 'the limit holds, from where it stood');
      t.strictSame(said(counted), ['200', '429 rate_limited']);

      await outage.end({ redis, admin, wire, relay });
      const ended = performance.now();
      const back: Answer[] = [];
      while (performance.now() - ended < BACK_WITHIN_MS) {
        back.push(await ask(gateway.url, late.secret));
        if (back.at(-1)?.status === 200) break;
        await pause(PAUSE_MS);
      }
      t.equal(back.at(-1)?.status, 200, 'it is back');
      t.notOk(said(back).some((each) => each.startsWith('401')));
      t.comment(`back after ${Math.round(performance.now() - ended)} ms`);
      t.equal(passed(await used(gateway, known, 1)), 1);
      t.equal(passed(await used(gateway, unknown, 1)), 1);
      await until(async () => (await ask(gateway.url, limited.secret)).code === 'rate_limited');
      const arrived = upstream.requests.filter((each) => each.header('x-latchkey-key-id') === limited.id);
      t.equal(arrived.length, LIMIT, 'and the limit came through, no more and no less');
      t.equal(gateway.child.exitCode, null);
    });
  }
});
