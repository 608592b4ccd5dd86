/** Gateways as they are run in earnest: processes with a configuration file, a store that they share, and keys in it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { KeyView } from '../../src/keys/view.ts';
import { cli, folder, type Result } from '../cli/run.ts';
import { ANYWHERE, type Serving, serve } from '../cli/serving.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';

/** A key and the secret that opens it. */
export interface Issued {
  readonly id: string;
  readonly secret: string;
}

export interface SiteOptions {
  /** URL of the API behind the gateways. */
  readonly upstream: string;
  /** SQLite in the site's own folder when absent. */
  readonly store?: string;
  /**
   * How long a question to the store may take. Very long when absent: a machine that is busy with other tests must not
   * look like an outage, in which each process counts for itself.
   */
  readonly storeTimeout?: string;
  /** Settings of the only upstream, as in `head_timeout: 1s`. */
  readonly upstreamSettings?: string;
  /** The access section; every route is open to any key when absent. */
  readonly access?: string;
  /** Further sections. */
  readonly more?: string;
}

const ANY_KEY = 'access: { any_key: ["* /*"] }\n';

/** A configuration file, and what can be done with it. */
export class Site {
  readonly cwd: string;
  readonly file: string;
  readonly #t: Test;
  readonly #options: SiteOptions;

  constructor(t: Test, options: SiteOptions) {
    this.#t = t;
    this.#options = options;
    this.cwd = folder(t);
    this.file = join(this.cwd, 'latchkey.yaml');
    this.configure({});
  }

  /** Writes the file anew, with some options changed. */
  configure(changes: Partial<SiteOptions>): void {
    const { upstream, store, storeTimeout, upstreamSettings, access, more } = { ...this.#options, ...changes };
    const settings = upstreamSettings === undefined ? '' : `, ${upstreamSettings}`;
    const text = [
      `upstreams: [{ url: ${JSON.stringify(upstream)}${settings} }]\n`,
      `store: { url: ${JSON.stringify(store ?? `sqlite:${join(this.cwd, 'keys.db')}`)}, timeout: ${storeTimeout ?? '1m'} }\n`,
      `management: { jwt: { secret_file: ${JSON.stringify(join(this.cwd, 'management.secret'))} } }\n`,
      // Tests ask again and again until a key is dead.
      'failures: { burst: 100000, per_minute: 100000 }\n',
      access ?? ANY_KEY,
      more ?? '',
    ];
    writeFileSync(this.file, text.join(''));
  }

  /** A gateway on free ports, which ends with the test. */
  serve(args: readonly string[] = ANYWHERE): Promise<Serving> {
    return serve(this.#t, ['--config', this.file, ...args], { cwd: this.cwd });
  }

  /** Runs one of the keys commands. */
  keys(...args: readonly string[]): Promise<Result> {
    return cli(['keys', ...args, '--config', this.file]);
  }

  /** Runs one that must succeed, and gives what it answers in JSON. */
  async json<T>(...args: readonly string[]): Promise<T> {
    const { code, stdout, stderr } = await this.keys(...args, '--json');
    if (code !== 0) throw new Error(`latchkey keys ${args.join(' ')} ended with ${code}: ${stderr}`);
    return JSON.parse(stdout) as T;
  }

  create(...options: readonly string[]): Promise<Issued> {
    return this.json('create', '--name', 'a key', '--type', 'service', '--owner', 'somebody', ...options);
  }

  show(id: string): Promise<KeyView> {
    return this.json('show', id);
  }
}

/** The stores, each with how to have one of a test's own; what is promised holds with every one of them. */
export const STORES: readonly { readonly name: string; open(t: Test): Promise<{ store?: string }> }[] = [
  { name: 'SQLite', open: async () => ({}) },
  { name: 'Redis', open: async (t) => ({ store: `${(await redisFor(t)).url}/0` }) },
];

/** A Redis that ends with the test. @param settings further arguments of redis-server */
export async function redisFor(t: Test, ...settings: readonly string[]): Promise<RedisServer> {
  const redis = await startRedis(...settings);
  t.teardown(() => redis.stop());
  return redis;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
  /** `code` of a denial; undefined for any other answer. */
  readonly code: string | undefined;
}

/** One request with a key. */
export async function ask(url: string, secret: string, init: RequestInit = {}): Promise<Answer> {
  const withKey = new Headers(init.headers);
  withKey.set('authorization', `Bearer ${secret}`);
  const answer = await fetch(url, { ...init, headers: withKey });
  const body = await answer.text();
  const { headers, status } = answer;
  if (headers.get('content-type') !== 'application/problem+json') return { status, headers, body, code: undefined };
  return { status, headers, body, code: (JSON.parse(body) as { code: string }).code };
}

/** Looks again and again until something is so. The test's own timeout ends what never becomes so. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await pause(25);
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
