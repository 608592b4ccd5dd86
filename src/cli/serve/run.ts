import type { Config } from '../../config/config.ts';
import { ConfigError, formatProblem } from '../../config/problem.ts';
import { type ConfigWatch, watchConfig } from '../../config/watch.ts';
import type { DemoApi } from '../../demo/api.ts';
import { createLogger, type GatewayLog } from '../../observe/logger.ts';
import type { RunningServer } from '../../wiring.ts';
import type { RunningWorkers } from '../../workers/supervisor.ts';
import type { Args } from '../args.ts';
import { FAILED } from '../failure.ts';
import type { Io } from '../io.ts';
import { withManagement } from '../management.ts';
import { packageVersion } from '../version.ts';
import { addressText, announce, announcement } from './announce.ts';
import { demoText, issueDemoKey, startDemo } from './demo.ts';
import { Ending } from './ending.ts';
import { adviseFirstKey } from './first-key.ts';
import { listenFailure, takenListener } from './listen-failure.ts';
import { planServe, type ServePlan, withFreePort, withUpstream } from './plan.ts';

/** When all is closed and something still holds the process, it ends nevertheless. */
const EXIT_GRACE_MS = 1_000;

/** One process or several. */
type Running = RunningServer | RunningWorkers;

/** Runs until a signal, and returns the exit code. */
export async function runServe(args: Args, io: Io): Promise<number> {
  io.outliveReader();
  const plan = planServe(args, io);
  if (!args.has('demo')) return serveUntilStopped(plan, args, io);
  const api = await startDemo(io);
  try {
    return await serveUntilStopped(withUpstream(plan, api.url), args, io, api);
  } finally {
    await api.close();
  }
}

async function serveUntilStopped(wanted: ServePlan, args: Args, io: Io, demo: DemoApi | null = null): Promise<number> {
  const among = wanted.workers > 1 ? { among: { worker: null } } : {};
  const log = createLogger(wanted.adjust(wanted.read).log, { ...outputOf(io), ...among });
  let watch: ConfigWatch | null = null;
  const ending = new Ending({
    io,
    log,
    // The demo belongs to its terminal, and ends with it.
    onHangup: () => (demo === null ? reload(watch, log) : ending.stop()),
  });
  const { plan, server } = await start(wanted, log, io, demo !== null);
  const config = plan.adjust(plan.read);
  await introduce(server, config, args, io, demo !== null);
  if ('speak' in server) server.speak();
  watch = config.file === null ? null : watchFile(config.file, plan, server, log, io);
  const code = await ending.begun;
  await watch?.close();
  let exitCode = FAILED;
  try {
    await server.stop();
    exitCode = code;
  } finally {
    await log.close();
    setTimeout(() => process.exit(exitCode), EXIT_GRACE_MS).unref();
  }
  return code;
}

/** Starts the gateway; with `anyPort`, on a free port where the one that is wanted is taken. */
async function start(
  wanted: ServePlan,
  log: GatewayLog,
  io: Io,
  anyPort: boolean,
): Promise<{ plan: ServePlan; server: Running }> {
  let plan = wanted;
  for (;;) {
    const config = plan.adjust(plan.read);
    try {
      return { plan, server: await startGateway(config, plan.workers, log, io) };
    } catch (error) {
      const taken = anyPort ? takenListener(error, config) : null;
      // A free port cannot be taken: this ends after each listener has been moved.
      const listen = taken === null ? null : config[taken].listen;
      if (taken === null || listen === null || listen.port === 0) throw listenFailure(error, config) ?? error;
      io.say(`latchkey: ${addressText(listen)} is taken; the demo uses a free port`);
      plan = withFreePort(plan, taken);
    }
  }
}

async function startGateway(config: Config, workers: number, log: GatewayLog, io: Io): Promise<Running> {
  const version = packageVersion();
  if (workers === 1) {
    const { helpersYield, startServer } = await import('../../wiring.ts');
    helpersYield();
    return startServer(config, { log, version });
  }
  const { startWorkers } = await import('../../workers/supervisor.ts');
  return startWorkers(config, { workers, log, version, output: outputOf(io) });
}

function outputOf({ stdoutIsTerminal, colors }: Io): Pick<Io, 'stdoutIsTerminal' | 'colors'> {
  return { stdoutIsTerminal, colors };
}

/** Says where the gateway is, and what to do with it. */
async function introduce(server: Running, config: Config, args: Args, io: Io, isDemo: boolean): Promise<void> {
  const json = args.has('json');
  if (!json) announce(server, config, args, io);
  if (!isDemo) {
    if (json) io.out(JSON.stringify(announcement(server, config)));
    else await adviseFirstKey(config, args, io);
    return;
  }
  const issued = await withManagement(config, ({ client }) => issueDemoKey(client, io.clock.now()));
  if (!json) io.out(demoText(server, issued, io));
  else io.out(JSON.stringify({ ...announcement(server, config), key: { id: issued.id, secret: issued.secret } }));
}

/** Takes over every change of the file. */
function watchFile(file: string, plan: ServePlan, server: Running, log: GatewayLog, io: Io): ConfigWatch {
  return watchConfig({
    file,
    environment: io.environment,
    current: plan.read,
    onChange: async ({ config }) => {
      const restart = await server.reload(plan.adjust(config));
      log.logger.info({ file }, 'the configuration was reloaded');
      if (restart.length > 0) log.logger.warn({ settings: restart }, 'some changed settings need a restart');
    },
    onProblem: (problem) => {
      server.reloadFailed();
      const detail =
        problem instanceof ConfigError ? { problems: problem.problems.map(formatProblem) } : { err: problem };
      log.logger.error({ file, ...detail }, 'the configuration was not reloaded; the running one stays');
    },
  });
}

function reload(watch: ConfigWatch | null, log: GatewayLog): void {
  if (watch === null) log.logger.warn('there is no configuration file to reload');
  else void watch.reload();
}
