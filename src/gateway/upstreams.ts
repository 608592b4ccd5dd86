import { buildConnector, Pool } from 'undici';
import type { UpstreamConfig } from '../config/config.ts';
import { UpstreamPool } from './fast/upstream-pool.ts';
import { UpstreamConnection } from './upstream-connection.ts';

/** Milliseconds before an upstream's announced end of keep-alive at which its connection is no longer used. */
const KEEP_ALIVE_MARGIN_MS = 1000;

/** One upstream and the connections to it. Shared by the configurations that describe it alike. */
export class Upstream {
  readonly config: UpstreamConfig;
  readonly pool: Pool;
  /** Path of the configured URL, put before every request's; '' when it has none. */
  readonly basePath: string;
  /** Requests handed to the pool and not yet finished by it, waiting ones among them. */
  active = 0;
  /** Tables that name it. */
  users = 0;
  readonly #capacity: number;
  #links: UpstreamPool | null = null;

  constructor(config: UpstreamConfig) {
    const url = new URL(config.url);
    this.config = config;
    this.basePath = url.pathname === '/' ? '' : url.pathname.replace(/\/$/, '');
    this.#capacity = config.maxConnections + config.maxQueued;
    const connect = buildConnector({ allowH2: false, timeout: config.connectTimeoutMs });
    this.pool = new Pool(url.origin, {
      connections: config.maxConnections,
      pipelining: 1,
      allowH2: false,
      factory: (origin, options) => new UpstreamConnection(origin, options, connect),
      headersTimeout: config.headTimeoutMs,
      bodyTimeout: config.bodyIdleTimeoutMs,
      keepAliveTimeout: config.keepAliveTimeoutMs,
      keepAliveMaxTimeout: config.keepAliveTimeoutMs,
      keepAliveTimeoutThreshold: KEEP_ALIVE_MARGIN_MS,
      maxHeaderSize: config.maxHeaderBytes,
      strictContentLength: true,
    });
  }

  /** The gateway's own connections, beside those of the pool; none are made before they are wanted. */
  get links(): UpstreamPool {
    this.#links ??= new UpstreamPool(this.config);
    return this.#links;
  }

  /** Whether another request would have to wait where there is no room left to wait. */
  get isFull(): boolean {
    return this.active >= this.#capacity;
  }
}

interface Rule {
  /** 2: this host, 1: hosts below it, 0: any. */
  readonly kind: 0 | 1 | 2;
  readonly host: string;
  /** '' for any path. */
  readonly prefix: string;
  readonly upstream: Upstream;
}

/** Which upstream answers for a host and path, as one configuration says. */
export class UpstreamTable {
  readonly upstreams: readonly Upstream[];
  readonly #rules: readonly Rule[];
  readonly #only: Upstream | null;
  #holders = 0;
  #onUnused: (() => void) | null = null;

  constructor(upstreams: readonly Upstream[]) {
    this.upstreams = upstreams;
    this.#rules = upstreams.flatMap(rulesOf).sort(bySpecificity);
    const first = this.#rules[0];
    this.#only = this.#rules.length === 1 && first?.kind === 0 && first.prefix === '' ? first.upstream : null;
  }

  /**
   * The most specific wins: a named host over a wildcard over any, a longer wildcard over a shorter one, then the longer
   * path prefix.
   * @param host the Host header, with or without a port; '' when there was none
   */
  select(host: string, path: string): Upstream | null {
    if (this.#only !== null) return this.#only;
    const name = hostName(host);
    for (const rule of this.#rules) {
      if (meetsHost(rule, name) && meetsPath(rule.prefix, path)) return rule.upstream;
    }
    return null;
  }

  /** Keeps the upstreams open until `release`, also when another table takes this one's place. */
  hold(): void {
    this.#holders++;
  }

  release(): void {
    this.#holders--;
    if (this.#holders === 0) this.#onUnused?.();
  }

  /** Calls back once, when nobody holds the table any more. */
  whenUnused(callback: () => void): void {
    if (this.#holders === 0) return callback();
    this.#onUnused = () => {
      this.#onUnused = null;
      callback();
    };
  }
}

function rulesOf(upstream: Upstream): Rule[] {
  const { hosts, paths } = upstream.config;
  const prefixes = paths.length === 0 ? [''] : paths.map((path) => path.replace(/\/+$/, ''));
  const names = hosts.length === 0 ? [null] : hosts;
  return names.flatMap((name) => prefixes.map((prefix) => ruleOf(name, prefix, upstream)));
}

function ruleOf(name: string | null, prefix: string, upstream: Upstream): Rule {
  if (name === null) return { kind: 0, host: '', prefix, upstream };
  const lower = name.toLowerCase();
  if (lower.startsWith('*.')) return { kind: 1, host: lower.slice(1), prefix, upstream };
  return { kind: 2, host: lower, prefix, upstream };
}

function bySpecificity(a: Rule, b: Rule): number {
  return b.kind - a.kind || b.host.length - a.host.length || b.prefix.length - a.prefix.length;
}

function meetsHost(rule: Rule, name: string): boolean {
  if (rule.kind === 0) return true;
  if (rule.kind === 2) return name === rule.host;
  return name.length > rule.host.length && name.endsWith(rule.host);
}

function meetsPath(prefix: string, path: string): boolean {
  if (!path.startsWith(prefix)) return false;
  return path.length === prefix.length || path.charCodeAt(prefix.length) === 0x2f;
}

/** Lower case, without the port and the root's dot. */
function hostName(host: string): string {
  const end = host.endsWith(']') ? -1 : host.lastIndexOf(':');
  const name = (end < 0 ? host : host.slice(0, end)).toLowerCase();
  return name.endsWith('.') ? name.slice(0, -1) : name;
}
