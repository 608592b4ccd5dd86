import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A real Redis of this test's own, without persistence, on a port that was free. */
export interface RedisServer {
  readonly port: number;
  /** `redis://127.0.0.1:<port>` */
  readonly url: string;
  /** Ends the process, as a crash would. */
  kill(): Promise<void>;
  /** Starts it again on the same port, empty. */
  restart(): Promise<void>;
  /** Stops it from running at all: connections stay open and nothing is answered. */
  suspend(): void;
  resume(): void;
  /** Ends it for good and removes its folder. */
  stop(): Promise<void>;
}

/** Attempts to find a port: between asking for a free one and using it, another process may take it. */
const PORT_ATTEMPTS = 5;
const START_TIMEOUT_MS = 30_000;

/**
 * @param settings further arguments of redis-server, like `--requirepass`, `secret`
 * @throws Error with one line when redis-server is not on the PATH
 */
export async function startRedis(...settings: readonly string[]): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-redis-'));
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    try {
      return control(await launch(port, folder, settings), port, folder, settings);
    } catch (error) {
      if (attempt < PORT_ATTEMPTS && !isMissing(error)) continue;
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }
}

function control(first: ChildProcess, port: number, folder: string, settings: readonly string[]): RedisServer {
  let child = first;
  const killNow = (): void => void child.kill('SIGKILL');
  // A test that ends without its teardown must not leave a server behind.
  process.once('exit', killNow);
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    killNow();
    await gone;
  };
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    kill,
    restart: async () => {
      await kill();
      child = await launch(port, folder, settings);
    },
    suspend: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    stop: async () => {
      await kill();
      process.removeListener('exit', killNow);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Resolves when the server says that it accepts connections. */
async function launch(port: number, folder: string, settings: readonly string[]): Promise<ChildProcess> {
  const fixed = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder];
  const child = spawn('redis-server', [...fixed, ...settings], { stdio: ['ignore', 'pipe', 'inherit'] });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    // Only the start is of interest, but the pipe must be kept empty.
    if (said.length > 100_000) return;
    said += text;
    if (said.includes('Ready to accept connections')) resolve();
  });
  child.once('error', (error) => reject(isMissing(error) ? new Error(HOW_TO_INSTALL, { cause: error }) : error));
  child.once('exit', (code) => reject(new Error(`redis-server ended with ${code}: ${said}`)));
  const timer = setTimeout(() => reject(new Error(`redis-server did not start: ${said}`)), START_TIMEOUT_MS);
  try {
    await promise;
    return child;
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

const HOW_TO_INSTALL =
  'redis-server is not on the PATH: install it (Debian and Ubuntu: apt-get install redis-server; macOS: brew install redis)';

function isMissing(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return ('code' in error && error.code === 'ENOENT') || isMissing(error.cause);
}

/** A port that nothing listened on just now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}
