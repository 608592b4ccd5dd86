/** Four gateways that share a limit, some of which die in the middle of it: what came through is counted at the upstream. */
import t, { type Test } from 'tap';
import { AHEAD_SHARE, HOUR_MS } from '../../src/core/limits.ts';
import type { Serving } from '../cli/serving.ts';
import { Line, logged } from '../e2e/fleet.ts';
import { type Issued, pause, Site, type SiteOptions } from '../e2e/site.ts';
import { randomFrom, SEED } from '../support/random.ts';
import { startRawUpstream } from '../support/raw-upstream.ts';

/** More of them are for a run by hand. */
const ROUNDS = Number(process.env['LATCHKEY_FLEET_ROUNDS'] ?? 4);
const GATEWAYS = 4;
/** Connections to each, every one with a request at all times. */
const LINES = 16;
const LIMIT = 400;
/** After this a gateway has given back what it took ahead: a second, and the time until it looks. */
const GIVEN_BACK_MS = 1_300;
/** A machine that is busy with other tests may take as long; a limit that stays short never comes to it. */
const USABLE_WITHIN_MS = 10_000;
/**
 * What dies with a gateway: what it had taken ahead of what was left, and what it had just been granted for requests that
 * were not forwarded yet.
 */
const HELD = LIMIT / AHEAD_SHARE + LINES;

interface Binding {
  readonly name: string;
  readonly perHour: number;
  readonly burst: number;
}

/** The second one refills by one in a second. */
const BINDINGS: readonly Binding[] = [
  { name: 'hour', perHour: LIMIT, burst: LIMIT },
  { name: 'burst', perHour: 3_600, burst: LIMIT },
];

/** Requests that came to the upstream, for each key. */
class Arrivals {
  readonly #counts = new Map<string, number>();
  readonly #waiting: { readonly keyId: string; readonly count: number; readonly act: () => void }[] = [];

  add(keyId: string): void {
    const count = this.of(keyId) + 1;
    this.#counts.set(keyId, count);
    for (const each of this.#waiting) if (each.keyId === keyId && each.count === count) each.act();
  }

  of(keyId: string): number {
    return this.#counts.get(keyId) ?? 0;
  }

  /** Does it in the very moment in which so many have come. */
  when(keyId: string, count: number, act: () => void): void {
    this.#waiting.push({ keyId, count, act });
  }
}

/** Requests one after the other until one is refused, it is enough, or the gateway dies. Resolves with what else there was. */
async function drain(t: Test, { url, child }: Serving, secret: string, isEnough: () => boolean): Promise<string[]> {
  const line = new Line(t, url, secret);
  const odd: string[] = [];
  try {
    while (!isEnough()) {
      const { status, body } = await line.get('/');
      if (status === 429) return odd;
      if (status !== 200) odd.push(`${status} ${body}`);
    }
    return odd;
  } catch (error) {
    if (!child.killed) odd.push(String(error));
    return odd;
  } finally {
    line.close();
  }
}

/** All at once, until nobody is let in or it is enough. */
async function drainAll(
  t: Test,
  gateways: readonly Serving[],
  { secret }: Issued,
  isEnough = () => false,
): Promise<string[]> {
  const lines = gateways.flatMap((gateway) => Array.from({ length: LINES }, () => drain(t, gateway, secret, isEnough)));
  return (await Promise.all(lines)).flat();
}

interface Round {
  readonly site: Site;
  readonly gateways: Serving[];
  readonly arrivals: Arrivals;
  readonly binding: Binding;
  readonly random: (below: number) => number;
}

async function playRound(t: Test, { site, gateways, arrivals, binding, random }: Round): Promise<void> {
  const { perHour, burst } = binding;
  const key = await site.create('--per-hour', `${perHour}`, '--per-day', '1000000', '--burst', `${burst}`);
  const victims = [random(GATEWAYS)];
  if (random(2) === 0) victims.push(((victims[0] ?? 0) + 1 + random(GATEWAYS - 1)) % GATEWAYS);
  // Often nobody is refused in the first part: then those who live on have to give back what they took ahead.
  const enough = LIMIT / 2 + random(LIMIT);
  for (const victim of victims) {
    arrivals.when(key.id, 1 + random(Math.min(enough, LIMIT) - 1), () => void gateways[victim]?.child.kill('SIGKILL'));
  }
  const began = Date.now();
  /** Never more than this: so much in each hour, and no more than the bucket and what it was refilled by. */
  const most = (): number => {
    const now = Date.now();
    const hours = 1 + Math.floor(now / HOUR_MS) - Math.floor(began / HOUR_MS);
    return Math.min(hours * perHour, burst + Math.floor(((now - began + 1) * perHour) / HOUR_MS));
  };
  const isEnough = (): boolean => arrivals.of(key.id) >= enough;
  t.strictSame(await drainAll(t, gateways, key, isEnough), [], 'each is let in, refused, or cut off');
  t.ok(arrivals.of(key.id) <= most(), `let in while they died: ${arrivals.of(key.id)} of ${most()}`);

  const paused = performance.now();
  await Promise.all(
    victims.map(async (victim) => {
      // The upstream may have had too few requests for it.
      gateways[victim]?.child.kill('SIGKILL');
      await gateways[victim]?.ended;
      gateways[victim] = await site.serve();
    }),
  );
  const early = arrivals.of(key.id);
  await pause(Math.max(0, GIVEN_BACK_MS - (performance.now() - paused)));
  const least = LIMIT - victims.length * HELD;
  const waited = performance.now();
  const odd = await drainAll(t, gateways, key);
  while (arrivals.of(key.id) < least && performance.now() - waited < USABLE_WITHIN_MS) {
    odd.push(...(await drainAll(t, gateways, key)));
  }
  t.strictSame(odd, [], 'and so are those who come back');
  const all = arrivals.of(key.id);
  t.ok(all <= most(), `let in: ${all} of ${most()}`);
  t.ok(all >= least, `what was not lost can be used: ${all} of ${least}`);
  t.comment(`${binding.name}: killed ${victims.length}, ${early} until then, ${all} in all, at most ${most()}`);
}

/** @param open makes a store of this test's own */
export function sharedByGatewaysThatDie(open: (t: Test) => Promise<Pick<SiteOptions, 'store'>>): void {
  t.test(`a limit that ${GATEWAYS} gateways share holds when some of them are killed`, async (t) => {
    const arrivals = new Arrivals();
    const upstream = await startRawUpstream(t, (request) => {
      arrivals.add(request.header('x-latchkey-key-id') ?? '');
      request.ok();
    });
    const site = new Site(t, { upstream: upstream.url, ...(await open(t)) });
    const gateways = await Promise.all(Array.from({ length: GATEWAYS }, () => site.serve()));
    const random = randomFrom(SEED);
    for (let i = 0; i < ROUNDS; i++) {
      const binding = BINDINGS[i % BINDINGS.length] as Binding;
      await t.test(`round ${i + 1}, limited by the ${binding.name}`, (t) =>
        playRound(t, { site, gateways, arrivals, binding, random }),
      );
    }
    for (const gateway of gateways) {
      const warned = logged(gateway).filter(({ level }) => level === 'warn' || level === 'error');
      t.strictSame(warned, [], 'the store was never out of reach');
    }
  });
}
