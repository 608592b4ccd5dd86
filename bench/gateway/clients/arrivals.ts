/**
 * Sends GET requests at a constant rate, whether or not those before were answered. The time of each counts from when it
 * should have been sent, so that a gateway which stands still is charged for all that had to wait meanwhile.
 * argv: port, keys file, requests a second, seconds, connections.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { PacedConnection } from './paced-connection.ts';

/** Between looks at which requests are due. */
const TICK_MS = 0.25;
/** At the beginning, not counted: this program is cold too. */
const WARM_UP_SECONDS = 2;
/** For the last answers. */
const GRACE_MS = 10_000;

const [port = '0', keysFile = '', rateText = '1', secondsText = '1', connectionCount = '1'] = process.argv.slice(2);
const rate = Number(rateText);
const uncounted = Math.round(rate * WARM_UP_SECONDS);
const total = uncounted + Math.round(rate * Number(secondsText));
const requests = readFileSync(keysFile, 'utf8')
  .split('\n')
  .map((key) => `GET /api/domains/42 HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: Bearer ${key}\r\n\r\n`);
const random = new Uint32Array(randomBytes(4 * 65_536).buffer);

/** A request that is never answered counts as one that took all the time that there was for it. */
const latencies = new Float64Array(total).fill(GRACE_MS);
let failures = 0;
let answered = 0;
let sent = 0;
const idle: PacedConnection[] = [];
const { promise: finished, resolve: finish } = Promise.withResolvers<void>();

function onAnswer(connection: PacedConnection, number: number, good: boolean): void {
  latencies[number] = performance.now() - dueAt(number);
  if (!good) failures++;
  answered++;
  idle.push(connection);
  if (answered === total) finish();
}

const opening = Array.from({ length: Number(connectionCount) }, () => PacedConnection.open(Number(port), onAnswer));
idle.push(...(await Promise.all(opening)));

const ticks = new Worker(new URL('ticks.ts', import.meta.url), { workerData: TICK_MS });
await new Promise((resolve) => ticks.once('message', resolve));
const start = performance.now();
ticks.on('message', send);

/** When a request should be sent, in milliseconds. */
function dueAt(number: number): number {
  return start + (number * 1_000) / rate;
}

/** A request that is due and finds no idle connection waits for one, and its time runs. */
function send(): void {
  const now = performance.now();
  while (sent < total && dueAt(sent) <= now) {
    const connection = idle.pop();
    if (connection === undefined) return;
    connection.send(requests[(random[sent % random.length] ?? 0) % requests.length] ?? '', sent++);
  }
}

const timer = setTimeout(finish, ((total / rate) * 1_000 + GRACE_MS) | 0);
await finished;
clearTimeout(timer);
const counted = latencies.subarray(uncounted).sort();
const at = (share: number): string => (counted[Math.floor((counted.length - 1) * share)] ?? 0).toFixed(3);
process.stdout.write(`result ${answered} ${at(0.5)} ${at(0.99)} ${failures + total - answered}\n`);
process.exit();
