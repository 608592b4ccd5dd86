import { setTimeout as delay } from 'node:timers/promises';
import { Client, pace } from './client.ts';
import { figure, type Measurement, quantile, type Row } from './figures.ts';
import type { Fleet, Issued } from './fleet.ts';
import type { Outage } from './stores.ts';

const ROUNDS = 3;
const OUTAGE_MS = 3_000;
/** Requests in a second with a key that the gateway has in memory, at each gateway. */
const KNOWN_RATE = 50;
/** Between two questions with a key that the gateway has not seen. */
const PAUSE_MS = 10;
const GIVE_UP_MS = 60_000;
/** Before the next one, so that nothing of the last is left. */
const REST_MS = 1_500;

interface Recovered {
  /** From when the store was back until the last gateway let in a key that it had never seen; ms. */
  readonly backMs: number;
  /** Whether every gateway let such a key in during the outage. */
  readonly newWereLetIn: boolean;
  /** Of requests with a known key, from the beginning of the outage to the end of the recovery; ms. */
  readonly knownMs: readonly number[];
  /** Those of them that were not let in. */
  readonly knownFailed: number;
}

/** What an outage of the store does to keys that gateways know, and when keys that they do not know work again. */
export async function measureRecovery(fleet: Fleet): Promise<Measurement> {
  const clients = fleet.gateways.map((gateway) => new Client(gateway));
  const rows: Row[] = [];
  for (const outage of fleet.store.outages) {
    const all: Recovered[] = [];
    for (let i = 0; i < ROUNDS; i++) all.push(await endure(outage, clients, fleet));
    rows.push(row(outage.name, all));
  }
  await Promise.all(clients.map((client) => client.close()));
  return {
    columns: [
      `the store ${OUTAGE_MS / 1_000} s long, ${ROUNDS} times`,
      'new keys during it',
      'let in again after, ms',
      'known key: p50 ms',
      'p99 ms',
      'max ms',
      'requests',
      'failed',
    ],
    rows,
  };
}

function row(what: string, all: readonly Recovered[]): Row {
  const known = all.flatMap(({ knownMs }) => knownMs);
  const failed = all.reduce((sum, { knownFailed }) => sum + knownFailed, 0);
  const wereLetIn = all.every(({ newWereLetIn }) => newWereLetIn);
  const back = wereLetIn ? '–' : all.map(({ backMs }) => figure(Math.round(backMs))).join(', ');
  const during = wereLetIn ? 'let in' : '503';
  const times = [quantile(known, 0.5), quantile(known, 0.99), Math.max(...known)].map(figure);
  return { what, cells: [during, back, ...times, String(known.length), String(failed)] };
}

async function endure(outage: Outage, clients: readonly Client[], fleet: Fleet): Promise<Recovered> {
  const known = fleet.unused();
  for (const client of clients) await client.ask(known);
  const over = new AbortController();
  const knownMs: number[] = [];
  let knownFailed = 0;
  await outage.begin();
  const load = clients.map((client) =>
    pace(KNOWN_RATE, over.signal, async () => {
      const began = performance.now();
      if ((await client.ask(known)) !== 200) knownFailed++;
      knownMs.push(performance.now() - began);
    }),
  );
  // One key for all the time of the outage, and another for after it.
  const during = new AbortController();
  const early = clients.map((client) => firstAdmission(client, fleet.unused(), during.signal));
  await delay(OUTAGE_MS);
  during.abort();
  const newWereLetIn = (await Promise.all(early)).every((at) => at !== null);
  const unseen = clients.map((client) => firstAdmission(client, fleet.unused(), null));
  await outage.end();
  const backAt = performance.now();
  const admittedAt = await Promise.all(unseen);
  over.abort();
  await Promise.all(load);
  await delay(REST_MS);
  const last = Math.max(...admittedAt.map((at) => at ?? Number.NaN));
  return { backMs: Math.max(0, last - backAt), newWereLetIn, knownMs, knownFailed };
}

/** Asks until the key is let in. @returns when that was; null when it was not until then */
async function firstAdmission(client: Client, key: Issued, until: AbortSignal | null): Promise<number | null> {
  const began = performance.now();
  for (;;) {
    const status = await client.ask(key);
    if (status === 200) return performance.now();
    if (until?.aborted === true) return null;
    if (status !== 503) throw new Error(`a new key was answered with ${status}`);
    if (performance.now() - began > GIVE_UP_MS) throw new Error('no new key is let in any more');
    await delay(PAUSE_MS);
  }
}
