import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { startRawUpstream } from '../support/raw-upstream.ts';
import { folder } from './run.ts';
import { ANYWHERE, type Serving, serve } from './serving.ts';

const OPEN = 'access: { public: ["GET /*"] }\n';

/** A gateway with a configuration file, whose only route needs no key. */
async function serveFile(t: Test, upstream: string, node: string[] = []): Promise<{ serving: Serving; file: string }> {
  const cwd = folder(t);
  const file = join(cwd, 'latchkey.yaml');
  writeFileSync(file, text(upstream, OPEN));
  return { serving: await serve(t, ['--config', file, ...ANYWHERE], { cwd, node }), file };
}

function text(upstream: string, more: string): string {
  return `upstreams: [{ url: "${upstream}" }]\n${more}`;
}

/** What the log says: each line of standard output. */
function logOf(serving: Serving): { msg: string; level: string }[] {
  const lines = serving.stdout.split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as { msg: string; level: string });
}

t.test('a signal lets the request in flight finish, and nothing new begin', async (t) => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const upstream = await startRawUpstream(t, () => undefined);
    const { serving } = await serveFile(t, upstream.url);
    const answer = serving.get('/slow');
    const request = await upstream.request(0);
    serving.child.kill(signal);
    await serving.until(`latchkey: ${signal}: finishing the requests in flight; a second signal ends it at once\n`);
    // The same key press, as npm and the terminal both report it.
    serving.child.kill(signal);
    let isRefused = false;
    while (!isRefused)
      isRefused = await fetch(`${serving.url}/new`).then(
        (r) => r.status === 503,
        () => true,
      );
    request.ok('finished');
    t.strictSame(await answer, { status: 200, body: 'finished' });
    t.equal(await serving.ended, 0, signal);
  }
});

t.test('a second signal ends it at once', async (t) => {
  for (const [signal, code] of [
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const) {
    const upstream = await startRawUpstream(t, () => undefined);
    const { serving } = await serveFile(t, upstream.url);
    const answer = serving.get('/slow').then(
      () => 'answered',
      () => 'cut',
    );
    await upstream.request(0);
    serving.child.kill(signal);
    await serving.until('a second signal ends it at once');
    // One that comes right after the first counts as the same.
    const insist = setInterval(() => serving.child.kill(signal), 100);
    t.equal(await serving.ended, code, signal);
    clearInterval(insist);
    t.equal(await answer, 'cut');
  }
});

t.test('a changed file is taken over; a bad one changes nothing', async (t) => {
  const first = await startRawUpstream(t, (request) => request.ok('first'));
  const second = await startRawUpstream(t, (request) => request.ok('second'));
  const { serving, file } = await serveFile(t, first.url);
  t.equal((await serving.get('/')).body, 'first');
  writeFileSync(file, text(second.url, OPEN));
  await serving.until('the configuration was reloaded');
  t.equal((await serving.get('/')).body, 'second', 'without a signal');

  writeFileSync(file, text(first.url, `${OPEN}proxy: { lisen: ":80" }\n`));
  await serving.until('the configuration was not reloaded');
  t.equal((await serving.get('/')).body, 'second');
  t.match(logOf(serving).at(-2) ?? logOf(serving).at(-1), { level: /error|info/ });
  t.match(
    logOf(serving).find((line) => line.level === 'error'),
    { problems: [`${file}:3:10: proxy.lisen: unknown setting; did you mean "listen"?`] },
  );

  writeFileSync(file, text(first.url, `${OPEN}cache: { ttl: 5s }\nproxy: { listen: ":1" }\n`));
  serving.child.kill('SIGHUP');
  await serving.until('some changed settings need a restart');
  t.equal((await serving.get('/')).body, 'first');
  t.strictSame(
    logOf(serving)
      .filter((line) => line.level === 'warn')
      .map((line) => ({ ...line, time: '' })),
    [{ level: 'warn', time: '', settings: ['cache'], msg: 'some changed settings need a restart' }],
    'what an option says already needs none',
  );
  const metrics = await (await fetch(`${serving.healthUrl}/metrics`)).text();
  t.match(metrics, /reloads\S*success\S* 2\n/);
  t.match(metrics, /reloads\S*failure\S* [1-9]/);
});

t.test('SIGHUP without a file changes nothing', async (t) => {
  const upstream = await startRawUpstream(t);
  const serving = await serve(t, ['--upstream', upstream.url, ...ANYWHERE], { cwd: folder(t) });
  serving.child.kill('SIGHUP');
  await serving.until('there is no configuration file to reload');
  t.equal((await serving.get('/')).status, 401, 'it goes on');
});

/** Makes the process fail from inside when it gets SIGUSR2. */
function failing(how: string): string[] {
  return ['--import', `data:text/javascript,process.on("SIGUSR2",()=>{${how}})`];
}

t.test('an error that nothing handles is logged, what is in flight finishes, and the exit code says so', async (t) => {
  const upstream = await startRawUpstream(t, () => undefined);
  const { serving } = await serveFile(t, upstream.url, failing('throw new Error("boom")'));
  const answer = serving.get('/slow');
  const request = await upstream.request(0);
  serving.child.kill('SIGUSR2');
  await serving.until('an error that nothing handled');
  request.ok('finished');
  t.equal((await answer).body, 'finished');
  t.equal(await serving.ended, 1);
  t.match(
    logOf(serving).find((line) => line.level === 'fatal'),
    { err: { message: 'boom', stack: /Error: boom/ } },
  );
});

t.test('a rejection that nothing handles is logged, and the gateway goes on', async (t) => {
  const upstream = await startRawUpstream(t);
  const { serving } = await serveFile(t, upstream.url, failing('Promise.reject(new Error("boom"))'));
  serving.child.kill('SIGUSR2');
  await serving.until('a failure was not handled');
  t.equal((await serving.get('/')).body, 'ok');
});

t.test('nobody reading the log does not end it', async (t) => {
  const upstream = await startRawUpstream(t);
  const { serving } = await serveFile(t, upstream.url);
  serving.child.stdout?.destroy();
  serving.child.stderr?.destroy();
  await once(serving.child.stderr ?? serving.child, 'close');
  const { url } = serving;
  for (let i = 0; i < 20; i++) t.equal(await fetch(url).then((answer) => answer.status), 200);
  t.equal(serving.child.exitCode, null);
});
