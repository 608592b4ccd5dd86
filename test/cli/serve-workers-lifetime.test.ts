import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { firstPids, isAlive, Line, linesOfBoth, logged } from '../e2e/fleet.ts';
import { until } from '../e2e/site.ts';
import { type RawUpstream, startRawUpstream } from '../support/raw-upstream.ts';
import { folder } from './run.ts';
import { ANYWHERE, type Serving, serve } from './serving.ts';

interface Started {
  readonly serving: Serving;
  readonly upstream: RawUpstream;
  readonly file: string;
}

function text(upstream: string, more: string): string {
  return `upstreams: [{ url: "${upstream}" }]\naccess: { public: ["GET /*"] }\n${more}`;
}

/** Two workers whose only route needs no key; the API leaves requests for /slow unanswered. */
async function started(t: Test, more = '', node: readonly string[] = []): Promise<Started> {
  const cwd = folder(t);
  const file = join(cwd, 'latchkey.yaml');
  const upstream = await startRawUpstream(t, (request) => {
    if (request.target !== '/slow') request.ok('first');
  });
  writeFileSync(file, text(upstream.url, more));
  const args = ['--config', file, '--workers', '2', ...ANYWHERE];
  return { serving: await serve(t, args, { cwd, node }), upstream, file };
}

/** One request in each worker that the API has and has not answered. */
async function slowInEach(
  t: Test,
  { serving, upstream }: Started,
): Promise<{ bodies: Promise<string[]>; finish(): void }> {
  const lines = await linesOfBoth(t, serving, '/quick');
  const bodies = Promise.all(lines.map(async ([line]) => (await line?.get('/slow'))?.body ?? ''));
  bodies.catch(() => undefined);
  const slow = (): RawUpstream['requests'] => upstream.requests.filter(({ target }) => target === '/slow');
  await until(() => slow().length === 2);
  return {
    bodies,
    finish: () => {
      for (const request of slow()) request.ok('finished');
    },
  };
}

async function readiness({ healthUrl }: Serving): Promise<number> {
  return (await fetch(`${healthUrl}/readyz`)).status;
}

async function allEnded(pids: readonly number[]): Promise<void> {
  await until(() => !pids.some(isAlive));
}

t.test('a signal: not ready at once, every worker finishes what it has, then all end', async (t) => {
  const all = await started(t, 'proxy: { drain_delay: 2s }\n');
  const { serving } = all;
  t.equal(await readiness(serving), 200);
  const { bodies, finish } = await slowInEach(t, all);
  serving.child.kill('SIGTERM');
  await until(async () => (await readiness(serving)) === 503);
  t.equal((await fetch(`${serving.healthUrl}/livez`)).status, 200);
  t.equal((await fetch(`${serving.url}/quick`)).status, 200, 'until load balancers have seen that, they are let in');
  await until(() =>
    fetch(`${serving.url}/quick`, { headers: { connection: 'close' } }).then(
      () => false,
      () => true,
    ),
  );
  finish();
  t.strictSame(await bodies, ['finished', 'finished']);
  t.equal(await serving.ended, 0);
  t.notOk(firstPids(serving).some(isAlive));
});

t.test('a second signal ends all of them at once', async (t) => {
  const all = await started(t);
  const { serving } = all;
  const { bodies } = await slowInEach(t, all);
  serving.child.kill('SIGTERM');
  await serving.until('a second signal ends it at once');
  const insist = setInterval(() => serving.child.kill('SIGTERM'), 100);
  t.equal(await serving.ended, 143);
  clearInterval(insist);
  await t.rejects(bodies);
  await allEnded(firstPids(serving));
});

t.test('workers whose supervisor is killed finish what they have, take nothing new, and end', async (t) => {
  const all = await started(t, 'proxy: { drain_delay: 10m }\n');
  const { serving } = all;
  const { bodies, finish } = await slowInEach(t, all);
  serving.child.kill('SIGKILL');
  await until(() =>
    new Line(t, serving.url).get('/quick').then(
      () => false,
      () => true,
    ),
  );
  t.ok(firstPids(serving).every(isAlive));
  finish();
  t.strictSame(await bodies, ['finished', 'finished']);
  await allEnded(firstPids(serving));
});

/** Every connection is answered by this API. */
async function untilAllAre(lines: readonly Line[], body: string): Promise<void> {
  for (const line of lines) await until(async () => (await line.get('/quick')).body === body);
}

t.test('a changed file reaches all workers, a bad one none, and not those that are started later', async (t) => {
  const failing = ['--import', 'data:text/javascript,process.on("SIGUSR2",()=>{throw new Error("boom")})'];
  const { serving, upstream, file } = await started(t, '', failing);
  const second = await startRawUpstream(t, (request) => request.ok('second'));
  const lines = (await linesOfBoth(t, serving, '/quick')).flat();
  writeFileSync(file, text(second.url, ''));
  await serving.until('the configuration was reloaded');
  await Promise.all(lines.map(async (line) => t.equal((await line.get('/quick')).body, 'second')));

  writeFileSync(file, text(upstream.url, 'proxy: { lisen: ":80" }\n'));
  await serving.until('the configuration was not reloaded');
  process.kill(firstPids(serving)[1], 'SIGUSR2');
  await serving.until('a worker serves again');
  t.match(
    logged(serving).find(({ level }) => level === 'fatal'),
    { worker: 2, msg: 'the worker stops: an error that nothing handled' },
  );
  const later = (await linesOfBoth(t, serving, '/quick')).flat();
  await Promise.all(later.map(async (line) => t.equal((await line.get('/quick')).body, 'second')));

  writeFileSync(file, text(upstream.url, ''));
  serving.child.kill('SIGHUP');
  await untilAllAre(later, 'first');
  const metrics = await (await fetch(`${serving.healthUrl}/metrics`)).text();
  t.match(metrics, /\nlatchkey_config_reloads_total\{result="success"\} 2\n/, 'counted once for all of them');
  t.match(metrics, /\nlatchkey_worker_restarts_total 1\n/);
});
