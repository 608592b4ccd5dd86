/** Two gateways over a store that fails over, and clients that never stop asking them. */
import { Redis } from 'ioredis';
import type { Test } from 'tap';
import { HOUR_MS, type Limits } from '../../src/core/limits.ts';
import { type Store, StoreError } from '../../src/core/ports.ts';
import type { Propagation } from '../../src/management/schemas/receipt.ts';
import { openStore } from '../../src/stores/open.ts';
import type { Serving } from '../cli/serving.ts';
import { ask, type Issued, pause, Site, until } from '../e2e/site.ts';
import { issuedKey } from '../support/keys.ts';
import { startRawUpstream } from '../support/raw-upstream.ts';

const GATEWAYS = 2;
export const TIMEOUT_MS = 500;
/** What is promised is two seconds; a machine that is busy with other tests takes its time. */
const BACK_WITHIN_MS = 30_000;
const PAUSE_MS = 25;
/** Keys that were never used before; each request that wants one takes the next. */
const NEW_KEYS = 600;
const PLENTY: Limits = { perHour: 1_000_000, perDay: 1_000_000, burst: 1_000_000 };
export const LIMIT = 80;
const USED = 50;

export type Kind = 'known' | 'new' | 'revoked' | 'limited';

interface Answered {
  readonly kind: Kind;
  readonly gateway: number;
  /** The status, and the code of a denial. */
  readonly said: string;
  /** When it was answered, by `performance.now()`, and what it took. */
  readonly at: number;
  readonly ms: number;
}

export interface Failing {
  readonly site: Site;
  readonly store: Store;
  readonly gateways: readonly Serving[];
  /** Keys that are in the store, and in no gateway's memory. */
  issue(count: number, limits?: Limits): Promise<Issued[]>;
}

/** @param url of the store that is to fail over */
export async function gatewaysOver(t: Test, url: string): Promise<Failing> {
  const upstream = await startRawUpstream(t, (request) => request.ok());
  const site = new Site(t, { upstream: upstream.url, store: url, storeTimeout: `${TIMEOUT_MS}ms` });
  const store = await openStore({ kind: 'redis', url, timeoutMs: 5_000 }, { now: () => Date.now() });
  t.teardown(() => store.close());
  const issue = (count: number, limits = PLENTY): Promise<Issued[]> =>
    Promise.all(Array.from({ length: count }, () => issueOne(store, limits)));
  const gateways = await Promise.all(Array.from({ length: GATEWAYS }, () => site.serve()));
  return { site, store, gateways, issue };
}

/** A connection that is being made again writes nothing: then another key is made a moment later. */
async function issueOne(store: Store, limits: Limits): Promise<Issued> {
  for (;;) {
    const { record, secret } = issuedKey({ limits });
    try {
      await store.keys.create(record);
      return { id: record.id, secret };
    } catch (error) {
      if (!isUnavailable(error)) throw error;
    }
    await pause(PAUSE_MS);
  }
}

function isUnavailable(error: unknown): boolean {
  return error instanceof StoreError && error.code === 'STORE_UNAVAILABLE';
}

/** Has a gateway admit one request of a key, which it must not refuse for any reason but that the store is slow. */
async function admitOne(t: Test, url: string, { secret }: Issued): Promise<void> {
  let answer = await ask(url, secret);
  while (answer.code === 'key_store_unavailable') {
    await pause(PAUSE_MS);
    answer = await ask(url, secret);
  }
  t.match(answer, { status: 200 });
}

/** Requests of every kind to every gateway, one after the other, until it is stopped. */
export class Load {
  readonly answers: Answered[] = [];
  readonly #loops: Promise<void>[];
  #isOver = false;

  constructor(gateways: readonly Serving[], secrets: Readonly<Record<Kind, () => string>>) {
    const kinds = Object.keys(secrets) as Kind[];
    this.#loops = gateways.flatMap(({ url }, gateway) =>
      kinds.map((kind) => this.#keepAsking(url, gateway, kind, secrets[kind])),
    );
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#loops);
  }

  of(kind: Kind): Answered[] {
    return this.answers.filter((each) => each.kind === kind);
  }

  /** How often each answer was given. */
  said(kind: Kind): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { said } of this.of(kind)) counts[said] = (counts[said] ?? 0) + 1;
    return counts;
  }

  passed(kind: Kind, since = 0): number {
    return this.of(kind).filter(({ said, at }) => said === '200' && at >= since).length;
  }

  async #keepAsking(url: string, gateway: number, kind: Kind, secretOf: () => string): Promise<void> {
    while (!this.#isOver) {
      const began = performance.now();
      const said = await ask(url, secretOf()).then(
        ({ status, code }) => (code === undefined ? `${status}` : `${status} ${code}`),
        (error: unknown) => String(error),
      );
      const at = performance.now();
      this.answers.push({ kind, gateway, said, at, ms: at - began });
      await pause(PAUSE_MS);
    }
  }
}

export interface Failover {
  /** Resolves when what is written before it survives. */
  settle(limited: Issued): Promise<unknown>;
  /** Makes the key that is to be limited; any key when absent. */
  limited?(limits: Limits): Promise<Issued>;
  begin(limited: Issued): Promise<unknown>;
  /** Resolves in the moment in which writes are accepted again. */
  back(limited: Issued): Promise<void>;
  end?(): Promise<unknown>;
}

/** What the store may have forgotten of the limited key. */
interface Seen {
  /** Admissions before the primary was lost. */
  readonly before: number;
  /** What was granted in the last second, and what was taken ahead: more cannot have been forgotten. */
  readonly forgotten: number;
}

interface Under {
  readonly load: Load;
  readonly limited: Issued;
  readonly later: Issued;
}

/** The failover itself, from the last moment before it until a key is revoked at all gateways. */
async function lost(t: Test, failing: Failing, failover: Failover, { load, limited, later }: Under): Promise<Seen> {
  const { gateways } = failing;
  await until(() => load.passed('limited') >= USED);

  const began = performance.now();
  const before = load.passed('limited') + GATEWAYS;
  const forgotten = load.passed('limited', began - 1_000) + GATEWAYS * Math.ceil(LIMIT / 8);
  await failover.begin(limited);
  await failover.back(limited);
  const backAt = performance.now();
  const isBack = (gateway: number): boolean =>
    load.of('new').some((each) => each.gateway === gateway && each.said === '200' && each.at - each.ms >= backAt);
  await until(() => gateways.every((_, gateway) => isBack(gateway)) || performance.now() - backAt > BACK_WITHIN_MS);
  const backMs = Math.round(performance.now() - backAt);
  t.comment(`writes after ${Math.round(backAt - began)} ms, all keys at both gateways ${backMs} ms after that`);
  t.ok(backMs < BACK_WITHIN_MS, 'keys that were never used work again');
  await failover.end?.();

  await revokedEverywhere(t, failing, later);
  return { before, forgotten };
}

/** One failover under load, and all that must hold before, within and after it. */
export async function failOver(t: Test, failing: Failing, failover: Failover): Promise<void> {
  const { gateways, issue } = failing;
  const [known, revoked, later] = (await issue(3)) as [Issued, Issued, Issued];
  const limits: Limits = { perHour: LIMIT, perDay: LIMIT * 10, burst: LIMIT * 10 };
  const [limited] = (failover.limited === undefined ? await issue(1, limits) : [await failover.limited(limits)]) as [
    Issued,
  ];
  const fresh = await issue(NEW_KEYS);
  for (const { url } of gateways) {
    for (const key of [known, revoked, later, limited]) await admitOne(t, url, key);
  }
  await revokedEverywhere(t, failing, revoked);
  await failover.settle(limited);
  const beganHour = Math.floor(Date.now() / HOUR_MS);
  const next = (): string => fresh.pop()?.secret ?? known.secret;
  const secrets = { known: known.secret, revoked: revoked.secret, limited: limited.secret };
  const load = new Load(gateways, {
    known: () => secrets.known,
    new: next,
    revoked: () => secrets.revoked,
    limited: () => secrets.limited,
  });
  let seen: Seen;
  try {
    seen = await lost(t, failing, failover, { load, limited, later });
  } finally {
    // Else it goes on, and the file does not end, when something fails.
    await load.stop();
  }
  const { before, forgotten } = seen;
  const slowest = Math.round(Math.max(...load.answers.map(({ ms }) => ms)));
  t.comment(`${load.answers.length} answers, the slowest after ${slowest} ms`);
  holds(t, load);
  const hours = 1 + Math.floor(Date.now() / HOUR_MS) - beganHour;
  const most = hours * (LIMIT + GATEWAYS * Math.max(0, LIMIT - before) + forgotten);
  const admitted = load.passed('limited') + GATEWAYS;
  t.comment(`${admitted} of ${LIMIT} admitted, ${before} of them before; at most ${most}`);
  t.ok(admitted <= most, 'the limit holds but for what was forgotten, and what each decided alone');
  for (const { child } of gateways) t.equal(child.exitCode ?? child.signalCode, null, 'the gateway runs on');
}

/** What may be answered, whatever becomes of the store. */
export function holds(t: Test, load: Load): void {
  const allowed: Readonly<Record<Kind, readonly string[]>> = {
    known: ['200', '503 key_store_unavailable'],
    new: ['200', '503 key_store_unavailable'],
    revoked: ['401 key_revoked', '503 key_store_unavailable'],
    limited: ['200', '429 rate_limited', '503 key_store_unavailable'],
  };
  for (const kind of Object.keys(allowed) as Kind[]) {
    const said = load.said(kind);
    t.comment(`${kind}: ${JSON.stringify(said)}`);
    t.strictSame(
      Object.keys(said).filter((each) => !allowed[kind].includes(each)),
      [],
      `${kind}: nothing else is answered`,
    );
  }
}

/** Revokes a key, and expects that every gateway acts on it by the time that the receipt says so. */
export async function revokedEverywhere(t: Test, { site, gateways }: Failing, key: Issued): Promise<void> {
  const began = performance.now();
  let said = await receipt(t, site, key);
  // A gateway that was heard of by the old primary alone tells the new one within a second.
  while (said.acknowledged < GATEWAYS) said = await receipt(t, site, key);
  t.comment(`revoked at ${said.acknowledged} gateways, known after ${Math.round(performance.now() - began)} ms`);
  t.match(said, { acknowledged: GATEWAYS, gateways: GATEWAYS, missing: [] });
  for (const { url } of gateways) t.equal((await ask(url, key.secret)).code, 'key_revoked');
}

/** Revokes a key, once more when the store was not there: a machine that is busy can make a failover of its own. */
async function receipt(t: Test, site: Site, { id }: Issued): Promise<Propagation> {
  for (;;) {
    const { code, stdout, stderr } = await site.keys('revoke', id, '--json');
    if (code === 0) return (JSON.parse(stdout) as { propagation: Propagation }).propagation;
    const told = JSON.parse(stderr) as { error: { code: string } };
    if (told.error.code !== 'STORE_UNAVAILABLE') throw new Error(`latchkey keys revoke ended with ${code}: ${stderr}`);
    t.comment(`not revoked yet: ${stderr}`);
  }
}

/** A connection to one server, which is made again whenever it is lost. */
export function connect(t: Test, url: string): Redis {
  const raw = new Redis(url, { protocol: 2, retryStrategy: () => 20, commandTimeout: 300, maxRetriesPerRequest: 0 });
  raw.on('error', () => undefined);
  t.teardown(() => raw.disconnect());
  return raw;
}

/** Resolves when one of the servers accepts a write of this name, which changes nothing. */
export async function accepted(servers: readonly Redis[], name: string): Promise<void> {
  const tries = (): Promise<boolean[]> =>
    Promise.all(
      servers.map((raw) =>
        raw.persist(name).then(
          () => true,
          () => false,
        ),
      ),
    );
  while (!(await tries()).includes(true)) await pause(10);
}
