import { join } from 'node:path';
import t, { type Test } from 'tap';
import { configForUpstream } from '../../src/config/load.ts';
import { createLogger } from '../../src/observe/logger.ts';
import { type RunningWorkers, startWorkers } from '../../src/workers/supervisor.ts';
import { folder } from '../cli/run.ts';
import { isAlive } from '../e2e/fleet.ts';
import { until } from '../e2e/site.ts';
import { capture } from '../observe/capture.ts';

const ANYWHERE = { host: '127.0.0.1', port: 0 };

/** Two workers that are asked for a sign of life so often. Gives what the supervisor logs, too. */
async function started(t: Test, pingMs: number): Promise<{ running: RunningWorkers; text: () => string }> {
  const cwd = folder(t);
  const { config } = configForUpstream('http://127.0.0.1:9', {});
  const { stream, text } = capture();
  const log = createLogger(config.log, { stdoutIsTerminal: false, destination: stream, among: { worker: null } });
  const running = await startWorkers(
    {
      ...config,
      proxy: { ...config.proxy, listen: ANYWHERE },
      management: { ...config.management, listen: null },
      health: { ...config.health, listen: ANYWHERE },
      store: { kind: 'sqlite', path: join(cwd, 'keys.db'), timeoutMs: 60_000 },
    },
    { workers: 2, log, version: '1.2.3', output: { stdoutIsTerminal: false, colors: false }, pingMs },
  );
  t.teardown(() => running.stop());
  return { running, text };
}

t.test('a worker that hangs is ended and replaced, one that answers is not', async (t) => {
  const { running, text } = await started(t, 600);
  const [first = 0, second = 0] = running.pids.values();
  process.kill(second, 'SIGSTOP');
  await until(() => text().includes('a worker serves again'));
  t.notOk(isAlive(second));
  t.not(running.pids.get(2), second);
  t.equal(running.pids.get(1), first, 'the other was asked as often, and is there');
  t.ok(isAlive(first));
  const { host, port } = running.proxyAddress;
  const statuses = Array.from({ length: 16 }, () =>
    fetch(`http://${host}:${port}/`, { headers: { connection: 'close' } }),
  );
  t.strictSame(new Set((await Promise.all(statuses)).map(({ status }) => status)), new Set([401]));
});
