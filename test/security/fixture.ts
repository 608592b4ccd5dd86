import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { cli, folder } from '../cli/run.ts';
import { ANYWHERE, type Serving, serve } from '../cli/serving.ts';
import { RawClient } from '../support/raw-client.ts';
import { type RawUpstream, startRawUpstream, type UpstreamRequest } from '../support/raw-upstream.ts';

const PATIENCE_MS = 10_000;

export interface TestKey {
  readonly id: string;
  readonly secret: string;
  readonly owner: string;
}

export interface Teardown {
  teardown(handler: () => Promise<void> | void): void;
}

/** Settings of the gateway, in the words of the configuration file. */
export type Settings = Readonly<Record<string, unknown>>;

export interface Options {
  readonly settings?: Settings;
  /** Settings of the upstream. */
  readonly upstream?: Settings;
  readonly env?: Readonly<Record<string, string>>;
  /** Further options of `keys create` for the key. */
  readonly keyArgs?: readonly string[];
  readonly onRequest?: (request: UpstreamRequest) => void;
}

/** A gateway as a process of its own, between raw bytes and an upstream that records what it is sent. */
export class Stage {
  readonly serving: Serving;
  readonly upstream: RawUpstream;
  readonly port: number;
  readonly key: TestKey;
  readonly config: string;
  #seen = 0;
  #asked = 0;
  #watch: RawClient | null = null;

  constructor(serving: Serving, upstream: RawUpstream, key: TestKey, config: string) {
    this.serving = serving;
    this.upstream = upstream;
    this.port = Number(new URL(serving.url).port);
    this.key = key;
    this.config = config;
  }

  /** The line that carries the key. */
  get auth(): string {
    return `Authorization: Bearer ${this.key.secret}\r\n`;
  }

  /** A good request. @param lines further header lines, each ended with CRLF */
  request(target = '/x', lines = '', method = 'GET', body = ''): string {
    return `${method} ${target} HTTP/1.1\r\nHost: api.test\r\n${this.auth}${lines}\r\n${body}`;
  }

  /** @param from the address of this machine that the connection comes from */
  async dial(from = '127.0.0.1'): Promise<RawClient> {
    const socket = connect({ port: this.port, host: '127.0.0.1', localAddress: from, noDelay: true });
    const client = new RawClient(socket);
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    return client;
  }

  /**
   * What arrived upstream since the last call. A request of its own goes through the gateway first, on a connection of
   * its own: whatever was on its way before that has arrived when it has.
   */
  async arrived(): Promise<UpstreamRequest[]> {
    if (this.#watch === null || this.#watch.socket.closed) this.#watch = await this.dial();
    const target = `/public/sentinel/${this.#asked++}`;
    this.#watch.send(`GET ${target} HTTP/1.1\r\nHost: api.test\r\n\r\n`);
    const answer = await within(this.#watch.answer(), 'the gateway serves a good request');
    if (answer.status !== 200) throw new Error(`a good request was answered ${answer.status}: ${answer.body}`);
    const since = this.upstream.requests.slice(this.#seen);
    this.#seen = this.upstream.requests.length;
    return since.filter((request) => request.target !== target);
  }

  /** The lines of the log so far that are whole, parsed; throws when one is not JSON. */
  logged(): Record<string, unknown>[] {
    const lines = this.serving.stdout.split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** Ends the gateway, so that all that it says has been said. */
  async stop(): Promise<number | string | null> {
    this.#watch?.close();
    this.serving.child.kill('SIGTERM');
    return within(this.serving.ended, 'the gateway stops');
  }

  close(): void {
    this.#watch?.close();
  }
}

/** Answers a request when its body has come, with what was asked for. */
function answerWhole(request: UpstreamRequest): void {
  void request.body.then((body) => request.ok(`${request.method} ${request.target} ${body}`));
}

/** Starts an upstream and, in front of it, the gateway that users run, with one key. Both end with the test. */
export async function stage(t: Teardown, options: Options = {}): Promise<Stage> {
  const cwd = folder(t);
  const upstream = await startRawUpstream(t, options.onRequest ?? answerWhole);
  const config = join(cwd, 'latchkey.yaml');
  const unlimited = { per_hour: 1_000_000_000, per_day: 1_000_000_000, burst: 1_000_000_000 };
  const settings = {
    upstreams: [{ url: upstream.url, ...options.upstream }],
    store: `sqlite:${join(cwd, 'latchkey.db')}`,
    access: { public: ['GET /public/*'], any_key: ['* /*'], permissions: { 'admin:write': ['* /admin/*'] } },
    tiers: { unlimited },
    key_types: { service: { tier: 'unlimited', default_expiry: 'never' } },
    failures: { burst: 1_000_000 },
    ...options.settings,
  };
  // JSON is YAML.
  writeFileSync(config, JSON.stringify(settings));
  const key = await createKey(config, options.env, options.keyArgs);
  const serving = await serve(t, ['--config', config, ...ANYWHERE], { cwd, env: options.env ?? {} });
  const made = new Stage(serving, upstream, key, config);
  t.teardown(() => made.close());
  return made;
}

const OWNER = 'team-a';

export async function createKey(
  config: string,
  env: Readonly<Record<string, string>> = {},
  args: readonly string[] = [],
): Promise<TestKey> {
  const named = ['--name', 'test', '--type', 'service', '--owner', OWNER];
  const made = await cli(['keys', 'create', ...named, ...args, '--json', '--config', config], env);
  if (made.code !== 0) throw new Error(made.stderr);
  const { id, secret } = JSON.parse(made.stdout) as { id: string; secret: string };
  return { id, secret, owner: OWNER };
}

/** Fails with a name, rather than waiting for ever, when something does not happen. */
export async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`in vain was waited for: ${what}`)), PATIENCE_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves when a condition holds that no event tells of. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`in vain was waited for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** How many answers a connection was given. */
export function answersIn(client: RawClient): number {
  return client.received.split(/HTTP\/1\.[01] \d{3} /).length - 1;
}
