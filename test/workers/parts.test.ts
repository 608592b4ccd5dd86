import t from 'tap';
import type { Config } from '../../src/config/config.ts';
import { configForUpstream } from '../../src/config/load.ts';
import { ConfigError } from '../../src/config/problem.ts';
import { asStarted, RESTART_SETTINGS, restartOnly } from '../../src/config/restart.ts';
import { PlacesError } from '../../src/core/places.ts';
import { StoreError } from '../../src/core/ports.ts';
import type { Conditions } from '../../src/observe/readiness.ts';
import { backoffMs } from '../../src/workers/backoff.ts';
import { HeldOutput } from '../../src/workers/held-output.ts';
import { together } from '../../src/workers/readiness.ts';
import { failureError, sentFailure } from '../../src/workers/sent-failure.ts';
import { capture } from '../observe/capture.ts';

t.test('tries come at longer and longer intervals, within bounds', async (t) => {
  for (const [failures, most] of [
    [1, 200],
    [2, 400],
    [5, 3_200],
    [9, 30_000],
    [1_000, 30_000],
  ] as const) {
    const waits = Array.from({ length: 200 }, () => backoffMs(failures));
    t.ok(Math.min(...waits) >= most / 2 && Math.max(...waits) <= most, `${failures} failures`);
    t.ok(new Set(waits).size > 10, 'by chance');
  }
});

function conditions(listening: boolean, store: boolean, detail = 'answers'): Conditions {
  return {
    listening: { met: listening, detail: '' },
    not_draining: { met: true, detail: '' },
    store: { met: store, detail },
  };
}

t.test('ready when all workers have started, and then while one is', async (t) => {
  const options = { workers: 2, haveStarted: true, isDraining: false };
  const one = { worker: 1, conditions: conditions(true, true) };
  const met = (answers: Parameters<typeof together>[0], changes: Partial<typeof options> = {}): string[] => {
    const all = Object.entries(together(answers, { ...options, ...changes }));
    return all.filter(([, condition]) => !condition.met).map(([name]) => name);
  };
  t.strictSame(met([one], { haveStarted: false }), ['listening'], 'the first alone does not take the load of all');
  t.strictSame(met([one]), [], 'later it does');
  t.strictSame(met([]), ['listening', 'store']);
  t.strictSame(met([{ worker: 1, conditions: conditions(false, true) }]), ['listening']);
  t.strictSame(met([one], { isDraining: true }), ['not_draining']);
  const silent = { worker: 2, conditions: conditions(true, false, 'has not answered for 3 s') };
  t.strictSame(met([one, silent]), [], 'the store answers one of them');
  t.equal(together([one, silent], options)['store']?.detail, 'worker 1: answers; worker 2: has not answered for 3 s');
  t.equal(together([one, one], options)['store']?.detail, 'answers');
  t.strictSame(met([silent]), ['store']);
  const places = { worker: 1, conditions: { ...conditions(true, true), places: { met: true, detail: 'fresh' } } };
  t.strictSame(together([places], options)['places'], { met: true, detail: 'fresh' });
});

/** As it comes out of the channel between two processes. */
function sent(error: unknown): Error {
  return failureError(structuredClone(sentFailure(error)));
}

t.test('a failure comes out of the channel as it went in', async (t) => {
  const problem = { file: 'a.yaml', line: 3, column: 5, path: 'proxy.lisen', message: 'unknown setting' };
  const config = sent(new ConfigError([problem]));
  t.ok(config instanceof ConfigError);
  t.strictSame(config instanceof ConfigError && config.problems, [problem]);
  const store = sent(new StoreError('STORE_CORRUPT', 'not a database'));
  t.ok(store instanceof StoreError);
  t.match(store, { code: 'STORE_CORRUPT', message: 'not a database' });
  const places = sent(new PlacesError('PLACES_INVALID', 'tor.list_file', 'is empty'));
  t.ok(places instanceof PlacesError);
  t.match(places, { code: 'PLACES_INVALID', setting: 'tor.list_file', problem: 'is empty' });
  const system = { code: 'EADDRINUSE', syscall: 'listen', port: 80, address: '::1', password: 'x' };
  const wrapped = sent(new Error('wrapped', { cause: Object.assign(new Error('listen'), system) }));
  t.match(wrapped, { message: 'wrapped', cause: { message: 'listen', code: 'EADDRINUSE', port: 80, address: '::1' } });
  t.notOk(Reflect.has(wrapped.cause as Error, 'password'), 'what nobody asks for stays where it was');
  t.match(sent(new Error('a mistake')).stack, 'parts.test.ts', 'of a mistake one learns where it is');
  t.equal(sent('text').message, 'text');
  const loop = new Error('loop');
  loop.cause = loop;
  t.equal(sent(loop).message, 'loop');
});

t.test('what is held is written in its order, and what follows at once', async (t) => {
  const { stream, text } = capture();
  const held = new HeldOutput(stream, true);
  const done: string[] = [];
  held.write(Buffer.from('a'), () => done.push('a'));
  held.write(Buffer.from('b'), () => done.push('b'));
  t.equal(text(), '');
  t.strictSame(done, [], 'nor is it said to be written');
  held.release();
  held.write(Buffer.from('c'));
  t.equal(text(), 'abc');
  const open = new HeldOutput(stream, false);
  open.write(Buffer.from('d'));
  t.equal(text(), 'abcd');
});

/** A configuration whose every setting that needs a restart differs from the usual one. */
function changed(config: Config): Config {
  const { proxy, management, keys } = config;
  return {
    ...config,
    proxy: { ...proxy, listen: { host: '::', port: 1 }, maxHeaderBytes: 1, maxHeaders: 7 },
    management: {
      ...management,
      listen: null,
      jwt: { ...management.jwt, issuer: 'other' },
      maxBodyBytes: 1,
      selfServiceMaxKeys: 7,
    },
    health: { ...config.health, storeGraceMs: 1 },
    store: { kind: 'redis', url: 'redis://other', timeoutMs: 1 },
    cache: { ...config.cache, maxKeys: 1 },
    keys: { ...keys, prefix: 'other', peppers: [{ version: 1, secret: 'x' }], recoverableUnder: Buffer.alloc(32) },
    places: { ...config.places, countryDatabase: 'other', torList: { kind: 'file', path: 'other' } },
    failures: { ...config.failures, burst: 1 },
    log: { ...config.log, format: 'pretty', requests: false },
  };
}

t.test(
  'a worker that starts later has the settings of the others, those that need a restart as they were',
  async (t) => {
    const { config } = configForUpstream('http://127.0.0.1:9', {});
    const next = changed(config);
    t.strictSame(restartOnly(config, next), RESTART_SETTINGS, 'all of them are changed here');
    const taken = asStarted(config, next);
    t.strictSame(restartOnly(config, taken), []);
    t.match(taken, {
      proxy: { maxHeaders: 7 },
      management: { selfServiceMaxKeys: 7 },
      keys: { prefix: 'other' },
      log: { requests: false },
    });
  },
);
