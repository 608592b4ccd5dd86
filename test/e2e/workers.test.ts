import t, { type Test } from 'tap';
import { HOUR_MS } from '../../src/core/limits.ts';
import { ANYWHERE, type Serving } from '../cli/serving.ts';
import { startRawUpstream } from '../support/raw-upstream.ts';
import { firstPids, isAlive, type Line, type LoggedLine, linesOfBoth, logged, scrape } from './fleet.ts';
import { Managed } from './managed.ts';
import { ask, type Issued, pause, Site, STORES, until } from './site.ts';

const ACCESS = 'access: { public: [GET /open], any_key: [GET /things/*] }\n';
const WORKERS = [...ANYWHERE, '--workers', '2'];
const LIMIT = 50;
const REQUESTS = 200;

/** A key that may do so many requests in an hour; not in the last seconds of one, as the next is another window. */
async function limitedKey(site: Site): Promise<Issued> {
  await until(() => Date.now() % HOUR_MS < HOUR_MS - 20_000);
  return site.create('--per-hour', `${LIMIT}`, '--per-day', '1000000', '--burst', '5000');
}

async function checkSpread(t: Test, serving: Serving): Promise<void> {
  const connections = Array.from({ length: 64 }, () =>
    fetch(`${serving.url}/open`, { headers: { connection: 'close' } }).then(async (answer) => {
      await answer.text();
      return answer.headers.get('x-request-id') ?? '';
    }),
  );
  const ids = new Set(await Promise.all(connections));
  const seen = (): number[] =>
    logged(serving).flatMap(({ request_id, worker }) => (ids.has(request_id ?? '') ? [worker ?? 0] : []));
  await until(() => seen().length === 64);
  // Even odds: fewer than 8 for one of them come by chance once in 10 billion times.
  for (const worker of [1, 2])
    t.ok(seen().filter((each) => each === worker).length >= 8, `worker ${worker} has its part`);
}

/** What one worker took ahead and does not spend goes back within a second, and then the others may have it. */
async function checkLimit(t: Test, site: Site, serving: Serving): Promise<void> {
  const { id, secret } = await limitedKey(site);
  const send = async (count: number): Promise<string[]> => {
    const urls = Array.from({ length: count }, (_, i) => `${serving.url}/things/${i}`);
    const answers = await Promise.all(urls.map((url) => ask(url, secret, { headers: { connection: 'close' } })));
    t.strictSame(
      answers.filter(({ status }) => status !== 200 && status !== 429),
      [],
    );
    return answers.filter(({ status }) => status === 200).map(({ headers }) => headers.get('x-request-id') ?? '');
  };
  const admitted = new Set(await send(REQUESTS));
  const atOnce = admitted.size;
  t.ok(atOnce <= LIMIT && atOnce > LIMIT / 2, `${atOnce} at once`);
  await until(async () => {
    for (const each of await send(admitted.size < LIMIT ? 4 : 0)) admitted.add(each);
    return admitted.size >= LIMIT;
  });
  for (const each of await send(20)) admitted.add(each);
  t.ok(admitted.size <= LIMIT, 'and all together no more than allowed');
  const lines = (): LoggedLine[] => logged(serving).filter(({ key_id }) => key_id === id);
  await until(() => lines().filter(({ status }) => status === 200).length === admitted.size);
  t.strictSame(new Set(lines().map(({ worker }) => worker)), new Set([1, 2]), 'and each worker was asked');
}

async function checkRevocation(t: Test, site: Site, serving: Serving): Promise<void> {
  const managed = await Managed.of(site, serving);
  const { id, secret } = await site.create();
  const lines = await linesOfBoth(t, serving, '/things/1', secret);
  t.equal((await managed.call('POST', `/api-keys/${id}/revoke`)).status, 200);
  const begun = performance.now();
  for (const line of lines.flat()) await until(async () => (await line.get('/things/1')).status === 401);
  t.ok(performance.now() - begun < 5_000, 'every worker refuses it soon');
}

/** Asks on and on, until told to stop; gives how many were admitted, and what else came. */
function load(lines: readonly Line[]): { stop: () => Promise<{ admitted: number; others: number[] }> } {
  const done = new AbortController();
  const client = async (line: Line): Promise<number[]> => {
    const statuses: number[] = [];
    // A cut connection says nothing of what became of the request.
    while (!done.signal.aborted) {
      const status = line.get('/things/1').then(
        (answer) => answer.status,
        () => 0,
      );
      statuses.push(await status);
      await pause(20);
    }
    return statuses;
  };
  const running = lines.map(client);
  return {
    stop: async () => {
      done.abort();
      const statuses = (await Promise.all(running)).flat();
      return {
        admitted: statuses.filter((status) => status === 200).length,
        others: statuses.filter((s) => s !== 200),
      };
    },
  };
}

const COUNTED = 'latchkey_http_requests_total{route="GET /open",method="GET",code="200"}';

async function checkScrape(t: Test, serving: Serving): Promise<void> {
  const lines = (await linesOfBoth(t, serving, '/open')).flat();
  // An exchange is counted after its answer.
  await until(async () => (await scrape(serving)).get('latchkey_requests_in_flight') === 0);
  const before = (await scrape(serving)).get(COUNTED) ?? 0;
  for (let i = 0; i < 3; i++) await Promise.all(lines.map((line) => line.get('/open')));
  const sent = before + 3 * lines.length;
  await until(async () => ((await scrape(serving)).get(COUNTED) ?? 0) >= sent);
  const samples = await scrape(serving);
  t.equal(samples.get(COUNTED), sent);
  t.equal(samples.get('latchkey_http_request_duration_seconds_count{route="GET /open"}'), sent);
  t.equal(samples.get('latchkey_store_up'), 1, 'the least of them, not their sum');
  t.equal(samples.get('latchkey_workers_serving'), 2);
  t.equal(samples.get('latchkey_workers_unscraped'), 0);
  t.match(await readiness(serving), {
    ready: true,
    conditions: { listening: { met: true, detail: '2 of 2 workers accept connections' }, store: { met: true } },
  });
}

/** Worker 1 has the management API as well, worker 2 has not. */
async function checkCrash(t: Test, site: Site, serving: Serving, worker: 1 | 2, pid: number): Promise<void> {
  const limited = await limitedKey(site);
  const [ones, twos] = await linesOfBoth(t, serving, '/open');
  const [lost, others] = worker === 1 ? [ones, twos] : [twos, ones];
  const under = load((await linesOfBoth(t, serving, '/things/1', limited.secret)).flat());
  const before = (await scrape(serving)).get(COUNTED) ?? 0;
  process.kill(pid, 'SIGKILL');
  await until(() =>
    logged(serving).some((line) => line.msg === 'a worker ended; another takes its place' && line.pid === pid),
  );
  for (const line of others) t.match(await line.get('/open'), { status: 200, isReused: true }, 'a connection goes on');
  t.match(await lost[0]?.get('/open'), { status: 200, isReused: false }, 'a new one is taken by those that are left');
  t.ok(((await scrape(serving)).get(COUNTED) ?? 0) >= before, 'no counter falls');
  await until(() => logged(serving).some((line) => line.msg === 'a worker serves again' && line.worker === worker));
  await linesOfBoth(t, serving, '/open');
  const { admitted, others: rest } = await under.stop();
  t.ok(admitted > 0 && admitted <= LIMIT, `${admitted} were admitted`);
  t.ok(
    rest.every((status) => status === 429 || status === 0),
    'and nothing was denied for another reason',
  );
  t.match(await readiness(serving), { ready: true });
}

async function readiness({ healthUrl }: Serving): Promise<unknown> {
  return (await fetch(`${healthUrl}/readyz`)).json();
}

for (const { name, open } of STORES) {
  t.test(`${name}: two workers are one gateway`, async (t) => {
    const upstream = await startRawUpstream(t);
    const site = new Site(t, { upstream: upstream.url, access: ACCESS, ...(await open(t)) });
    const serving = await site.serve(WORKERS);
    const [first, second] = firstPids(serving);
    await t.test('the system spreads connections over them', (t) => checkSpread(t, serving));
    await t.test('a limit holds over them', (t) => checkLimit(t, site, serving));
    if (name !== 'SQLite') return;
    await t.test('what the management API revokes, all refuse', (t) => checkRevocation(t, site, serving));
    await t.test('one that is killed is replaced, the other goes on', (t) => checkCrash(t, site, serving, 2, second));
    await t.test('one scrape has what both counted', (t) => checkScrape(t, serving));
    await t.test('so is the one with the management API', async (t) => {
      const managed = await Managed.of(site, serving);
      await checkCrash(t, site, serving, 1, first);
      t.equal((await managed.call('GET', '/api-keys')).status, 200, 'which is back at its address');
      t.equal((await scrape(serving)).get('latchkey_worker_restarts_total'), 2);
      t.notOk(isAlive(first));
    });
  });
}
