/**
 * What reading the head of a request costs on the short way: CPU time per head, median of several rounds.
 *
 *   node bench/micro/reader.ts
 */
import { readPlainHead } from '../../src/gateway/fast/request-reader.ts';

const ROUNDS = 9;
const READS = 200_000;
const BOUNDS = { maxHeaderBytes: 16 * 1024, maxHeaders: 100, maxTargetBytes: 8 * 1024 };

const SECRET = 'lk_0123456789012345678901234567890123456789012345678';

/** Heads that clients send, by what sends them. */
const HEADS: Readonly<Record<string, readonly string[]>> = {
  'load generator': ['GET /api/domains/4711 HTTP/1.1', 'Host: api.example.com', `Authorization: Bearer ${SECRET}`],
  curl: [
    'GET /api/domains/4711 HTTP/1.1',
    'Host: api.example.com',
    'User-Agent: curl/8.14.1',
    'Accept: */*',
    `Authorization: Bearer ${SECRET}`,
  ],
  browser: [
    'GET /api/domains/example.com?page=2 HTTP/1.1',
    'Host: api.example.com',
    'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36',
    'Accept: application/json, text/plain, */*',
    'Accept-Encoding: gzip, deflate, br',
    'Accept-Language: en-GB,en;q=0.9',
    `Authorization: Bearer ${SECRET}`,
    'X-Request-Id: 0193a1b2c3d4e5f6a7b8c9d0',
    'Connection: keep-alive',
  ],
};

let read = 0;

/** @returns nanoseconds of CPU time per head */
function round(bytes: Buffer): number {
  const before = process.cpuUsage();
  for (let i = 0; i < READS; i++) {
    const head = readPlainHead(bytes, 0, bytes.length, BOUNDS);
    if (typeof head === 'string') throw new Error(`this head is not plain: ${head}`);
    read += head.rawHeaders.length;
  }
  const spent = process.cpuUsage(before);
  return ((spent.user + spent.system) * 1000) / READS;
}

const rows = Object.entries(HEADS).map(([client, lines]) => ({
  client,
  lines,
  bytes: Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'),
  times: [] as number[],
}));
// In turn, so that all of them meet the same machine.
for (let i = 0; i < ROUNDS; i++) for (const row of rows) row.times.push(round(row.bytes));
for (const { client, lines, bytes, times } of rows) {
  const [median] = times.sort((a, b) => a - b).slice(ROUNDS >> 1);
  const size = `${lines.length - 1} headers, ${bytes.length} bytes`;
  process.stdout.write(`${client.padEnd(16)} ${size.padEnd(24)} ${Math.round(median ?? 0)} ns\n`);
}
if (read === 0) throw new Error('nothing was read');
