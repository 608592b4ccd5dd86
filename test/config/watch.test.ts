import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { Config } from '../../src/config/config.ts';
import { type LoadedConfig, loadConfig } from '../../src/config/load.ts';
import { ConfigError } from '../../src/config/problem.ts';
import { restartOnly } from '../../src/config/restart.ts';
import { type ConfigWatch, watchConfig } from '../../src/config/watch.ts';
import { ACCESS, load, UPSTREAM } from '../support/config.ts';

// A watch does not keep its process alive; waiting for one must.
const alive = setInterval(() => undefined, 60_000);
t.teardown(() => clearInterval(alive));

/** A poll so rare that only file events can be what is seen. */
const NO_POLL = { settleMs: 20, pollMs: 3_600_000 };
/** Events settle so slowly that only the poll can be what is seen. */
const POLL_ONLY = { settleMs: 3_600_000, pollMs: 20 };

interface Seen {
  readonly watch: ConfigWatch;
  /** Log levels that were put to use. */
  readonly levels: string[];
  readonly problems: unknown[];
  /** Resolves at the next change or problem. */
  next(): Promise<unknown>;
}

/** Watches a file; resolves when the first look at it is over, so that all that is seen later was seen by the watch. */
async function follow(t: Test, file: string, times: { settleMs: number; pollMs: number }): Promise<Seen> {
  const levels: string[] = [];
  const problems: unknown[] = [];
  let wake: (value: unknown) => void = () => undefined;
  const watch = watchConfig({
    file,
    environment: {},
    current: loadConfig(file, {}).config,
    onChange: ({ config }) => {
      levels.push(config.log.level);
      // After the watch has taken the new configuration over.
      setImmediate(() => wake(config));
    },
    onProblem: (problem) => {
      problems.push(problem);
      wake(problem);
    },
    ...times,
  });
  t.teardown(() => watch.close());
  await watch.reload();
  const next = () => {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    wake = resolve;
    return promise;
  };
  return { watch, levels, problems, next };
}

const text = (level: string): string => `${UPSTREAM}${ACCESS}log: { level: ${level} }\n`;

t.test('a file that is written in place', async (t) => {
  const file = join(t.testdir({ 'latchkey.yaml': text('info') }), 'latchkey.yaml');
  const seen = await follow(t, file, NO_POLL);
  const changed = seen.next();
  writeFileSync(file, text('warn'));
  await changed;
  t.strictSame(seen.levels, ['warn']);
  t.equal(seen.watch.current.log.level, 'warn');
});

t.test('a file that is replaced by another, as editors do', async (t) => {
  const dir = t.testdir({ 'latchkey.yaml': text('info') });
  const seen = await follow(t, join(dir, 'latchkey.yaml'), NO_POLL);
  for (const level of ['warn', 'error']) {
    const changed = seen.next();
    writeFileSync(join(dir, '.latchkey.yaml.swp'), text(level));
    renameSync(join(dir, '.latchkey.yaml.swp'), join(dir, 'latchkey.yaml'));
    await changed;
  }
  t.strictSame(seen.levels, ['warn', 'error']);
});

t.test('a mounted ConfigMap, whose folder is behind a link that is swapped', async (t) => {
  const dir = t.testdir({ '..1': { 'latchkey.yaml': text('info') } });
  symlinkSync('..1', join(dir, '..data'));
  symlinkSync('..data/latchkey.yaml', join(dir, 'latchkey.yaml'));
  const seen = await follow(t, join(dir, 'latchkey.yaml'), NO_POLL);
  for (const [before, after, level] of [
    ['..1', '..2', 'warn'],
    ['..2', '..3', 'error'],
  ] as const) {
    const changed = seen.next();
    mkdirSync(join(dir, after));
    writeFileSync(join(dir, after, 'latchkey.yaml'), text(level));
    symlinkSync(after, join(dir, '..data_tmp'));
    renameSync(join(dir, '..data_tmp'), join(dir, '..data'));
    rmSync(join(dir, before), { recursive: true });
    await changed;
  }
  t.strictSame(seen.levels, ['warn', 'error']);
  t.strictSame(seen.problems, []);
});

t.test('a file that changes without an event', async (t) => {
  const file = join(t.testdir({ 'latchkey.yaml': text('info') }), 'latchkey.yaml');
  const seen = await follow(t, file, POLL_ONLY);
  const changed = seen.next();
  writeFileSync(file, text('warn'));
  await changed;
  t.strictSame(seen.levels, ['warn']);
});

t.test('a change between the first reading and the watch is seen', async (t) => {
  const file = join(t.testdir({ 'latchkey.yaml': text('warn') }), 'latchkey.yaml');
  const changed = Promise.withResolvers<LoadedConfig>();
  const watch = watchConfig({
    file,
    environment: {},
    current: load('').config,
    onChange: (loaded) => changed.resolve(loaded),
    onProblem: changed.reject,
    ...NO_POLL,
  });
  t.teardown(() => watch.close());
  t.equal((await changed.promise).config.log.level, 'warn');
});

t.test('a bad file is reported once and changes nothing; the next good one is taken', async (t) => {
  const file = join(t.testdir({ 'latchkey.yaml': text('info') }), 'latchkey.yaml');
  const seen = await follow(t, file, POLL_ONLY);
  const before = seen.watch.current;
  const reported = seen.next();
  writeFileSync(file, text('loud'));
  const problem = await reported;
  t.ok(problem instanceof ConfigError && problem.problems[0]?.path === 'log.level', 'names the setting');
  t.equal(seen.watch.current, before);
  const gone = seen.next();
  rmSync(file);
  t.match(await gone, { message: /cannot be read \(ENOENT\)/ });
  const changed = seen.next();
  writeFileSync(file, text('warn'));
  await changed;
  t.equal(seen.problems.length, 2, 'each problem once, however often the file was looked at');
  t.strictSame(seen.levels, ['warn']);
});

t.test('a change that means nothing, as of a comment, is not handed over', async (t) => {
  const file = join(t.testdir({ 'latchkey.yaml': text('info') }), 'latchkey.yaml');
  const seen = await follow(t, file, NO_POLL);
  writeFileSync(file, `# a comment\n${text('info')}`);
  t.equal(await seen.watch.reload(), 'unchanged');
  t.strictSame(seen.levels, []);
});

t.test('reload reads secrets in other files again', async (t) => {
  const dir = t.testdir({ token: 'Bearer one' });
  const file = join(dir, 'latchkey.yaml');
  writeFileSync(file, `${ACCESS}upstreams: [{ url: http://a, authorization: { from_file: ${join(dir, 'token')} } }]`);
  const seen = await follow(t, file, { ...NO_POLL, settleMs: 3_600_000 });
  t.equal(await seen.watch.reload(), 'unchanged');
  writeFileSync(join(dir, 'token'), 'Bearer two');
  t.equal(await seen.watch.reload(), 'changed');
  t.equal(seen.watch.current.upstreams[0]?.authorization, 'Bearer two');
  rmSync(join(dir, 'token'));
  t.equal(await seen.watch.reload(), 'failed');
  t.equal(seen.watch.current.upstreams[0]?.authorization, 'Bearer two');
});

t.test('reloads never overlap, and a change that cannot be put to use is not the current one', async (t) => {
  const file = join(t.testdir({ 'latchkey.yaml': text('info') }), 'latchkey.yaml');
  const steps: string[] = [];
  const problems: unknown[] = [];
  const gate = Promise.withResolvers<void>();
  const watch = watchConfig({
    file,
    environment: {},
    current: loadConfig(file, {}).config,
    onChange: async ({ config }, before: Config) => {
      steps.push(`${before.log.level} to ${config.log.level}`);
      if (config.log.level === 'warn') await gate.promise;
      if (config.log.level === 'error') throw new Error('no');
      steps.push(`${config.log.level} in use`);
    },
    onProblem: (problem) => problems.push(problem),
    settleMs: 3_600_000,
    pollMs: 3_600_000,
  });
  t.teardown(() => watch.close());
  t.equal(await watch.reload(), 'unchanged');
  writeFileSync(file, text('warn'));
  const first = watch.reload();
  // The first reload has read the file once it is in onChange.
  while (steps.length === 0) await new Promise((resolve) => setImmediate(resolve));
  writeFileSync(file, text('error'));
  const second = watch.reload();
  gate.resolve();
  t.equal(await first, 'changed');
  t.equal(await second, 'failed');
  t.strictSame(steps, ['info to warn', 'warn in use', 'warn to error']);
  t.equal(watch.current.log.level, 'warn');
  t.match(problems, [{ message: 'no' }]);
});

t.test('after close nothing is read any more', async (t) => {
  const file = join(t.testdir({ 'latchkey.yaml': text('info') }), 'latchkey.yaml');
  const seen = await follow(t, file, POLL_ONLY);
  await seen.watch.close();
  writeFileSync(file, text('warn'));
  t.equal(await seen.watch.reload(), 'unchanged');
  t.strictSame(seen.levels, []);
});

t.test('settings that need a restart are named', async (t) => {
  const before = load('').config;
  const after = load(
    'proxy: { listen: ":1", realm: x }\nstore: { timeout: 1s }\ncache: { ttl: 2s }\nlog: { level: warn }',
  ).config;
  t.strictSame(restartOnly(before, after), ['proxy.listen', 'store', 'cache']);
  t.strictSame(restartOnly(before, load('').config), []);
});
