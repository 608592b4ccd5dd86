/**
 * What counting and logging of requests costs an embedded store: CPU of the whole process for each request, and the
 * longest turns of the event loop, in which no request is served. Requests come at full speed, a second's worth at a time;
 * between two seconds the loop is left until all is written.
 *
 *   node bench/micro/usage.ts [seconds] [requests a second] [keys]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Exchange } from '../../src/core/exchange.ts';
import { LogRecorder } from '../../src/observe/log-recorder.ts';
import { UsageRecorder } from '../../src/observe/usage-recorder.ts';
import { openUsageFiles } from '../../src/stores/sqlite/usage-files.ts';
import { exchange } from '../../test/observe/exchange.ts';
import { sampleId } from '../samples.ts';

const [seconds = 40, rate = 17_000, keys = 10_000] = process.argv.slice(2).map(Number);
const OWNERS = 100;
const BOUNDS = { retentionMs: 7 * 86_400_000, maxEntries: 10_000 };
const START = Date.UTC(2026, 10, 1, 12);

let seed = 1;
function random(below: number): number {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((seed / 2 ** 32) * below);
}

const ids = Array.from({ length: keys }, (_, i) => sampleId(i));
const owners = Array.from({ length: OWNERS }, (_, i) => `team-${i}`);

function exchangeOf(i: number, at: number): Exchange {
  return exchange({
    requestId: `0b9ba39e-59e0-4b0a-9d6e-${String(i).padStart(12, '0')}`,
    keyId: ids[i] as string,
    owner: owners[i % OWNERS] as string,
    at,
    durationMs: 1 + random(1_000) / 1_000,
    upstreamMs: 1,
  });
}

const folder = mkdtempSync(join(tmpdir(), 'latchkey-bench-'));
const files = await openUsageFiles(join(folder, 'store.db'), 10_000);
let now = START;
const never = (): (() => void) => () => undefined;
const clock = { now: () => now };
const usage = new UsageRecorder({ store: files.usage, clock, retentionMs: () => 90 * 86_400_000, repeat: never });
const log = new LogRecorder({ log: files.requests, boundsOf: () => BOUNDS, repeat: never });
const turns: number[] = [];
const spent = { making: 0, counting: 0, logging: 0, writing: 0 };

function cpu(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

function measured(part: keyof typeof spent, from: number): number {
  const at = cpu();
  spent[part] += at - from;
  return at;
}

async function write(): Promise<void> {
  const state = { isDone: false };
  const writing = (async () => {
    await Promise.all([usage.flush(), log.flush()]);
    state.isDone = true;
  })();
  let at = performance.now();
  while (!state.isDone) {
    await nextTurn();
    const next = performance.now();
    turns.push(next - at);
    at = next;
  }
  await writing;
}

async function serve(second: number): Promise<void> {
  now = START + second * 1_000;
  let at = cpu();
  const exchanges = Array.from({ length: rate }, () => exchangeOf(random(keys), now));
  at = measured('making', at);
  for (const each of exchanges) usage.sink(each);
  at = measured('counting', at);
  for (const each of exchanges) log.sink(each);
  at = measured('logging', at);
  await write();
  measured('writing', at);
}

for (let second = 0; second < 5; second++) await serve(second);
for (const part of Object.keys(spent) as (keyof typeof spent)[]) spent[part] = 0;
turns.length = 0;
for (let second = 5; second < seconds + 5; second++) await serve(second);
const total = rate * seconds;
const [counting, logging, writing] = (['counting', 'logging', 'writing'] as const).map((part) => spent[part] / total);
function told(of: number[]): string {
  of.sort((a, b) => b - a);
  const over = (ms: number): string => (of.filter((turn) => turn > ms).length / seconds).toFixed(2);
  const longest = of.slice(0, 6).map((ms) => ms.toFixed(1));
  return `over 0.5 ms ${over(0.5)}, 1 ms ${over(1)}, 2 ms ${over(2)}, 4 ms ${over(4)}; longest ${longest.join(' ')} ms`;
}
process.stdout.write(
  `CPU µs a request: counting ${counting?.toFixed(2)}, logging ${logging?.toFixed(2)}, writing ${writing?.toFixed(2)}\n` +
    `turns ${(turns.length / seconds).toFixed(0)} a second, ${told(turns)}\n`,
);
await usage.stop();
await log.stop();
files.close();
rmSync(folder, { recursive: true });
