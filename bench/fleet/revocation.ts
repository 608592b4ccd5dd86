import { setTimeout as delay } from 'node:timers/promises';
import { request } from 'undici';
import type { KeySwitched } from '../../src/management/schemas/key.ts';
import { Client } from './client.ts';
import { type Measurement, spread } from './figures.ts';
import type { Fleet, Issued } from './fleet.ts';

const REVOCATIONS = 200;
/** Between two questions to one gateway. */
const PAUSE_MS = 2;
/** A gateway that still lets the key in after this is broken. */
const GIVE_UP_MS = 10_000;

interface Revoked {
  /** From the call to the first refusal, of the gateway that was last; ms. */
  readonly everywhereMs: number;
  /** From the call to its answer; ms. */
  readonly answeredMs: number;
  /** `propagation.took_ms` of the receipt. */
  readonly tookMs: number;
  /** Whether the receipt names all gateways as having confirmed. */
  readonly isConfirmed: boolean;
  /** Requests that were let in although they began after the receipt had come. */
  readonly late: number;
}

/** How long after its revocation a key, which every gateway has in memory, is refused by all of them. */
export async function measureRevocation(fleet: Fleet): Promise<Measurement> {
  const clients = fleet.gateways.map((gateway) => new Client(gateway));
  const all: Revoked[] = [];
  for (let i = 0; i < REVOCATIONS; i++) all.push(await revoke(fleet, clients, fleet.unused()));
  await Promise.all(clients.map((client) => client.close()));
  const late = all.reduce((sum, revoked) => sum + revoked.late, 0);
  const confirmed = all.filter(({ isConfirmed }) => isConfirmed).length;
  return {
    columns: [`${REVOCATIONS} revocations by the API of one gateway`, 'p50 ms', 'p99 ms', 'max ms'],
    rows: [
      { what: 'until every gateway refuses the key', cells: spread(all.map(({ everywhereMs }) => everywhereMs)) },
      { what: 'until the answer', cells: spread(all.map(({ answeredMs }) => answeredMs)) },
      {
        what: `\`took_ms\` (confirmed by all: ${confirmed}; let in after the answer: ${late})`,
        cells: spread(all.map(({ tookMs }) => tookMs)),
      },
    ],
  };
}

async function revoke(fleet: Fleet, clients: readonly Client[], key: Issued): Promise<Revoked> {
  for (const client of clients) {
    const status = await client.ask(key);
    if (status !== 200) throw new Error(`${key.id} was answered with ${status} before it was revoked`);
  }
  let answeredAt = Number.POSITIVE_INFINITY;
  let late = 0;
  const began = performance.now();
  const refusals = clients.map(async (client) => {
    for (;;) {
      const askedAt = performance.now();
      const status = await client.ask(key);
      if (status === 401) return performance.now();
      if (askedAt > answeredAt) late++;
      if (askedAt - began > GIVE_UP_MS) throw new Error(`${key.id} is still answered with ${status}`);
      await delay(PAUSE_MS);
    }
  });
  const { propagation } = await call(fleet, key);
  answeredAt = performance.now();
  const refusedAt = await Promise.all(refusals);
  return {
    everywhereMs: Math.max(...refusedAt) - began,
    answeredMs: answeredAt - began,
    tookMs: propagation?.took_ms ?? Number.NaN,
    isConfirmed: propagation?.acknowledged === fleet.gateways.length,
    late,
  };
}

async function call({ gateways, token }: Fleet, { id }: Issued): Promise<KeySwitched> {
  const { statusCode, body } = await request(`${gateways[0]?.managementUrl}/api-keys/${id}/revoke`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
  });
  const text = await body.text();
  if (statusCode !== 200) throw new Error(`${id} was not revoked: ${statusCode} ${text}`);
  return JSON.parse(text) as KeySwitched;
}
