import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { TICK_MS } from '../../src/places/fetched-tor-list.ts';
import type { PlacesOptions } from '../../src/places/index.ts';
import { openPlaces } from '../../src/places/index.ts';
import { type Stage, stage } from './fixture.ts';
import { addresses, ListServer } from './list-server.ts';

const HOUR = 3_600_000;

interface Setting {
  readonly url: string;
  readonly keptFile?: string | null;
  readonly options?: Partial<PlacesOptions>;
}

/** Places with a list that is fetched, once it was fetched for the first time. */
async function fetching(t: Test, { url, keptFile = null, options = {} }: Setting) {
  const on = stage(options);
  const torList = { kind: 'url', url, refreshMs: HOUR, keptFile } as const;
  const places = await openPlaces({ countryDatabase: null, torList }, on.options);
  t.teardown(() => places.stop());
  const isExit = (address = '198.51.0.0') => places.isTorExit(address);
  const status = () => places.status().tor;
  const start = async (): Promise<void> => {
    places.start();
    await on.timer.run(TICK_MS);
  };
  return { on, places, isExit, status, start };
}

/** Lets time pass, and what is due then happen. */
async function after(on: Stage, ms: number): Promise<void> {
  on.clock.advance(ms);
  await on.timer.run(TICK_MS);
}

t.test('before the first list is here nothing is known, and the start does not wait for it', async (t) => {
  const server = await ListServer.start(t);
  const answered = Promise.withResolvers<void>();
  server.answer = (_request, response) => void answered.promise.then(() => response.end(addresses(3)));
  const { on, places, isExit, status } = await fetching(t, server);
  places.start();
  t.strictSame([isExit(), places.knowsTor, status()?.loaded], [null, false, null]);
  answered.resolve();
  await on.timer.run(TICK_MS);
  t.strictSame([isExit(), isExit('198.51.0.3'), isExit('x'), places.knowsTor], [true, false, null, true]);
  t.strictSame(on.told, ['updated: tor.list_url: 3 addresses']);
  t.match(status(), { setting: 'tor.list_url', loaded: { at: on.clock.now(), ageSeconds: 0, addresses: 3 } });
});

t.test('a list is fetched again and again, give or take a tenth', async (t) => {
  const server = await ListServer.start(t);
  let random = 0;
  const { on, isExit, start, status } = await fetching(t, { url: server.url, options: { random: () => random } });
  server.says(addresses(1));
  await start();
  await after(on, 0.9 * HOUR - 1);
  t.equal(server.asked.length, 1);
  random = 0.999;
  server.says('ExitNode 00\nExitAddress 198.51.7.7 2026-11-23 11:13:14\n');
  await after(on, 1);
  t.equal(server.asked.length, 2);
  t.strictSame([isExit(), isExit('198.51.7.7')], [false, true]);
  await after(on, 1.09 * HOUR);
  t.equal(server.asked.length, 2);
  t.equal(status()?.loaded?.ageSeconds, 3924);
  await after(on, 0.01 * HOUR);
  t.equal(server.asked.length, 3);
  await after(on, -24 * HOUR);
  t.equal(server.asked.length, 4, 'a clock that was set back puts nothing off');
  t.strictSame(status()?.updates, { success: 2, unchanged: 2, failure: 0 });
});

t.test('a server that has nothing new is not asked to send it', async (t) => {
  const server = await ListServer.start(t);
  const modified = 'Sun, 22 Nov 2026 12:00:00 GMT';
  server.says(addresses(2), { etag: '"v1"', 'last-modified': modified });
  const { on, isExit, start, status } = await fetching(t, server);
  await start();
  t.notOk('if-none-match' in (server.asked[0] ?? {}));
  server.says('', {}, 304);
  await after(on, HOUR);
  t.match(server.asked[1], { 'if-none-match': '"v1"', 'if-modified-since': modified });
  t.strictSame(status()?.updates, { success: 1, unchanged: 1, failure: 0 });
  t.equal(status()?.loaded?.ageSeconds, 0, 'it is the list of now');
  t.equal(isExit(), true);
});

t.test('what is no list is refused, and the last good one stays', async (t) => {
  const server = await ListServer.start(t);
  const { on, isExit, start, status } = await fetching(t, server);
  server.says(addresses(200), { etag: '"good"' });
  await start();
  const bad: [string, number, RegExp][] = [
    ['<html>Too many requests</html>', 200, /line 1: "<html>Too many requests<\/html>" is not an address/],
    ['', 200, /has no address/],
    ['# nothing\n', 200, /has no address/],
    [addresses(100), 200, /has 100 addresses, of 200 before; expected more than half of them/],
    ['198.51.0.0/16\n', 200, /is not an address/],
    [`${addresses(65_536)}${addresses(65_536).replaceAll('198.', '199.')}`, 200, /too many addresses/],
    ['#'.repeat(8 * 1024 * 1024 + 1), 200, /is too long; expected at most 8MiB/],
    [addresses(200), 500, /answers with status 500/],
    [addresses(200), 206, /answers with status 206/],
    ['', 204, /answers with status 204/],
  ];
  for (const [i, [text, code, reason]] of bad.entries()) {
    server.says(text, { etag: '"bad"' }, code);
    await after(on, HOUR);
    t.match(on.told.at(-1), reason);
    t.match(on.told.at(-1), /^trouble: tor.list_url: http:\/\/127.0.0.1:\d+\/exits /);
    t.strictSame([isExit(), status()?.loaded?.addresses, status()?.updates.failure], [true, 200, i + 1]);
    t.equal(status()?.loaded?.ageSeconds, (i + 1) * 3600);
    t.equal(server.asked.at(-1)?.['if-none-match'], '"good"', 'what was refused is not known');
  }
  t.match(status()?.troubles, [{ setting: 'tor.list_url', since: on.clock.now() - 9 * HOUR }]);
  server.says(addresses(101));
  await after(on, HOUR);
  t.strictSame([status()?.loaded?.addresses, status()?.troubles], [101, []]);
  t.equal(on.told.at(-1), 'recovered: tor.list_url');
});

t.test('a redirect is not followed', async (t) => {
  const [server, other] = [await ListServer.start(t), await ListServer.start(t)];
  other.says(addresses(1));
  server.says('', { location: other.url }, 302);
  const { on, isExit, start } = await fetching(t, server);
  await start();
  t.match(on.told, [/answers with status 302, a redirect, which is not followed$/]);
  t.strictSame([isExit(), other.asked.length], [null, 0]);
});

t.test('failures are tried again, later each time, up to the time between two fetches', async (t) => {
  const server = await ListServer.start(t);
  server.says('', {}, 503);
  const { on, start, status } = await fetching(t, server);
  await start();
  let seconds = 10;
  for (let attempt = 2; attempt < 30; attempt++) {
    await after(on, Math.min(seconds, 3600) * 1000 - 1);
    t.equal(server.asked.length, attempt - 1);
    await after(on, 1);
    t.equal(server.asked.length, attempt, `after ${Math.min(seconds, 3600)} s`);
    seconds *= 2;
  }
  t.equal(on.told.length, 1, 'told once');
  server.says(addresses(1));
  await after(on, HOUR);
  server.says('', {}, 503);
  await after(on, HOUR);
  const { length } = server.asked;
  await after(on, 10_000);
  t.equal(server.asked.length, length + 1, 'from the beginning after a success');
  t.equal(status()?.updates.failure, 31);
});

t.test('a server that is down, silent or endless costs a bounded wait', async (t) => {
  const server = await ListServer.start(t);
  const { on, start, places } = await fetching(t, { url: server.url, options: { fetchTimeoutMs: 100 } });
  server.answer = () => undefined;
  await start();
  t.match(on.told.at(-1), /does not answer within 100 ms$/);
  server.answer = (_request, response) => {
    response.write('#');
    const timer = setInterval(() => response.write('#'), 10);
    response.on('close', () => clearInterval(timer));
  };
  on.told.length = 0;
  await after(on, HOUR);
  t.match(places.status().tor?.updates, { failure: 2 });
  server.answer = (_request, response) => {
    const chunk = Buffer.alloc(1024 * 1024, '#');
    const more = (): void => {
      while (!response.destroyed && response.write(chunk));
      response.once('drain', more);
    };
    more();
  };
  await after(on, HOUR);
  t.match(places.status().tor?.updates, { failure: 3 });
  const closed = createServer();
  closed.listen(0, '127.0.0.1');
  await once(closed, 'listening');
  const address = closed.address();
  closed.close();
  await once(closed, 'close');
  const port = typeof address === 'object' ? address?.port : 0;
  const down = await fetching(t, { url: `http://127.0.0.1:${port}/list?token=hidden` });
  await down.start();
  t.strictSame(down.on.told, [`trouble: tor.list_url: http://127.0.0.1:${port}/list cannot be reached (ECONNREFUSED)`]);
});

t.test('an answer that is cut off is no list', async (t) => {
  const server = await ListServer.start(t);
  server.answer = (_request, response) => {
    response.writeHead(200, { 'content-length': '1000' });
    response.write(addresses(10), () => response.destroy());
  };
  const { on, start, isExit } = await fetching(t, server);
  await start();
  t.match(on.told, [/cannot be reached/]);
  t.equal(isExit(), null);
});

t.test('the last good list serves at once after a restart, and what its server knows it by', async (t) => {
  const server = await ListServer.start(t);
  const keptFile = join(t.testdir({}), 'data/exits.txt');
  server.says(`${addresses(150)}::ffff:198.51.100.1\n2001:0DB8::7\n`, { etag: 'W/"v1"' });
  const first = await fetching(t, { url: server.url, keptFile });
  await first.start();
  await first.places.stop();
  t.strictSame(readdirSync(join(keptFile, '..')), ['exits.txt'], 'nothing else stays behind');
  server.says('', {}, 503);
  const second = await fetching(t, { url: server.url, keptFile });
  second.on.clock.advance(HOUR);
  t.strictSame([second.places.knowsTor, second.isExit(), second.isExit('2001:db8::7')], [true, true, true]);
  t.match(second.status()?.loaded, { ageSeconds: 3600, addresses: 152 });
  await second.start();
  t.equal(server.asked.at(-1)?.['if-none-match'], 'W/"v1"');
  t.equal(second.isExit(), true);
  server.says(addresses(76));
  await after(second.on, HOUR);
  t.match(second.on.told.at(-1), /has 76 addresses, of 152 before/);
  server.says('', {}, 304);
  await after(second.on, HOUR);
  const third = await fetching(t, { url: server.url, keptFile });
  third.on.clock.advance(3 * HOUR);
  t.equal(third.status()?.loaded?.ageSeconds, 0, 'when it was last found to be the one is kept too');
});

t.test('a kept list that is damaged, or of another address, is not used and stops nothing', async (t) => {
  const server = await ListServer.start(t);
  const keptFile = join(t.testdir({}), 'exits.txt');
  server.says(addresses(150), { etag: '"v1"' });
  const first = await fetching(t, { url: server.url, keptFile });
  await first.start();
  const whole = readFileSync(keptFile);
  const damaged: (string | Buffer)[] = ['', 'hello', addresses(10), Buffer.alloc(100)];
  for (let length = 0; length < whole.length; length += 97) damaged.push(whole.subarray(0, length));
  damaged.push(whole.toString().replace('198.51.0.1\n', '198.51.9.1\n'), Buffer.concat([whole, whole]));
  for (const content of damaged) {
    writeFileSync(keptFile, content);
    const { on, isExit } = await fetching(t, { url: server.url, keptFile });
    t.match(on.told, [/^trouble: tor.kept_file: ".*exits.txt" is not a list that was kept, or is damaged/]);
    t.equal(isExit(), null);
  }
  const { on, start, isExit, status } = await fetching(t, { url: server.url, keptFile });
  await start();
  t.equal(on.told.at(-1), 'recovered: tor.kept_file');
  t.strictSame([isExit(), status()?.troubles, readFileSync(keptFile).equals(whole)], [true, [], true]);
  const elsewhere = await fetching(t, { url: `${server.url}?other`, keptFile });
  t.strictSame([elsewhere.isExit(), elsewhere.on.told], [null, []]);
  await elsewhere.start();
  t.notOk('if-none-match' in (server.asked.at(-1) ?? {}));
});

t.test('several may keep their list in one file, and whoever reads it finds one that is whole', async (t) => {
  const server = await ListServer.start(t);
  const keptFile = join(t.testdir({}), 'exits.txt');
  const gateways = await Promise.all(Array.from({ length: 4 }, () => fetching(t, { url: server.url, keptFile })));
  let [before, open] = ['', -1];
  for (let round = 1; round <= 10; round++) {
    server.says(addresses(round * 500));
    const fetched = Promise.all(gateways.map(({ on, start }) => (round === 1 ? start() : after(on, HOUR))));
    const reader = await fetching(t, { url: server.url, keptFile });
    t.strictSame(reader.on.told, []);
    await fetched;
    // Who began to read before goes on with what was there then.
    if (open >= 0) t.equal(readFileSync(open, 'utf8'), before);
    if (open >= 0) closeSync(open);
    [before, open] = [readFileSync(keptFile, 'utf8'), openSync(keptFile, 'r')];
  }
  closeSync(open);
  t.strictSame(readdirSync(join(keptFile, '..')), ['exits.txt']);
});

t.test('a list that cannot be kept serves all the same', async (t) => {
  const server = await ListServer.start(t);
  const folder = t.testdir({ file: '' });
  mkdirSync(join(folder, 'taken/inside'), { recursive: true });
  server.says(addresses(1));
  for (const [name, code] of [
    ['file/exits.txt', /^trouble: tor.kept_file: .* cannot be (?:read|written) \((?:ENOTDIR|EEXIST)\)$/],
    ['taken', /^trouble: tor.kept_file: .* cannot be (?:read|written) \((?:EISDIR|ENOTEMPTY)\)$/],
  ] as const) {
    const { on, start, isExit, status } = await fetching(t, { url: server.url, keptFile: join(folder, name) });
    await start();
    await after(on, HOUR);
    t.match(on.told.at(-1), code);
    t.match(status()?.troubles, [{ setting: 'tor.kept_file' }]);
    t.equal(isExit(), true);
  }
  t.strictSame(readdirSync(folder), ['file', 'taken'], 'nothing half written stays behind');
});

t.test('stop ends a fetch that is under way', async (t) => {
  const server = await ListServer.start(t);
  const came = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  server.answer = (_request, response) => {
    response.on('close', gone.resolve);
    came.resolve();
  };
  const { on, places } = await fetching(t, server);
  places.start();
  await came.promise;
  await places.stop();
  await gone.promise;
  t.strictSame([on.timer.size, on.told], [0, []]);
  await after(on, 24 * HOUR);
  t.equal(server.asked.length, 1);
});
