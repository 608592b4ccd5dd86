import { Client, pace } from './client.ts';
import { figure, type Measurement, type Row } from './figures.ts';
import { countedDuring, type Fleet, type Issued } from './fleet.ts';

/** Requests of one key in a second, at each gateway. */
const RATES = [10, 100, 1_000];
const MANY_KEYS = 1_000;
/** A key's pace is known after half a second, and the code that serves it compiled after a few. */
const WARM_UP_SECONDS = 2;

/** How often the store is asked for admissions, by how often a key is used. */
export async function measureRoundTrips(fleet: Fleet, seconds: number): Promise<Measurement> {
  const clients = fleet.gateways.map((gateway) => new Client(gateway));
  const rows: Row[] = [];
  for (const rate of RATES) {
    rows.push(await row(`one key, ${rate} a second at each`, fleet, clients, [fleet.unused()], rate, seconds));
  }
  const rate = Math.max(...RATES);
  const keys = fleet.keys.slice(0, MANY_KEYS);
  rows.push(await row(`${MANY_KEYS} keys, ${rate} a second at each`, fleet, clients, keys, rate, seconds));
  await Promise.all(clients.map((client) => client.close()));
  return {
    columns: ['load', 'requests', 'a second', 'questions', 'questions for each request', 'decided alone'],
    rows,
  };
}

async function row(
  what: string,
  fleet: Fleet,
  clients: readonly Client[],
  keys: readonly Issued[],
  rate: number,
  seconds: number,
): Promise<Row> {
  let next = 0;
  const load = (client: Client, duration: number): Promise<void> =>
    pace(rate, duration, () => client.ask(keys[next++ % keys.length] as Issued));
  await Promise.all(clients.map((client) => load(client, WARM_UP_SECONDS)));
  // All are answered: a request that asked before this and was let in after it would make the share too small.
  const [{ admitted, questions, alone }, tookMs] = await countedDuring(fleet, async () => {
    const began = performance.now();
    await Promise.all(clients.map((client) => load(client, seconds)));
    return performance.now() - began;
  });
  const perSecond = figure((admitted / tookMs) * 1_000);
  const share = (questions / admitted).toFixed(4);
  return { what, cells: [String(admitted), perSecond, String(questions), share, String(alone)] };
}
