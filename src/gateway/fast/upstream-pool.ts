import { performance } from 'node:perf_hooks';
import type { UpstreamConfig } from '../../config/config.ts';
import { UpstreamError } from '../failure.ts';
import { type LinkOwner, type LinkUser, type Target, UpstreamLink } from './upstream-link.ts';

/** How often it is looked at what has become late. */
const SWEEP_MS = 250;
/** As long before an upstream's announced end of keep-alive its connection is no longer used. */
const KEEP_ALIVE_MARGIN_MS = 1000;

/** An exchange that wants a connection. */
export interface Waiting extends LinkUser {
  /** The pool alone writes these two. */
  previousWaiting: Waiting | null;
  nextWaiting: Waiting | null;
  /** Is given one that is being made. It begins once that is done. */
  joined(link: UpstreamLink): void;
}

/**
 * The connections to one upstream. Those who want one wait in line, for the end of the loop's turn at least: by then it is
 * known which idle connections the upstream has closed, or has sent what nobody asked for on. The connection used last is
 * used first, so that those that are too many become old and go.
 */
export class UpstreamPool implements LinkOwner {
  /** What requests are told as Host, unless it is the client's. */
  readonly host: string;
  /** Whether what the configuration puts into requests can be written as it is. */
  readonly isWritable: boolean;
  readonly #config: UpstreamConfig;
  readonly #target: Target;
  readonly #links = new Set<UpstreamLink>();
  readonly #idle: UpstreamLink[] = [];
  #first: Waiting | null = null;
  #last: Waiting | null = null;
  #isScheduled = false;
  #isClosing = false;
  #isDestroyed = false;
  #sweep: NodeJS.Timeout | null = null;
  #whenEmpty: (() => void) | null = null;

  constructor(config: UpstreamConfig) {
    const { host, hostname, port, protocol } = new URL(config.url);
    const isSecure = protocol === 'https:';
    this.host = host;
    this.isWritable = isWritable(config);
    this.#config = config;
    this.#target = {
      host: hostname.startsWith('[') ? hostname.slice(1, -1) : hostname,
      port: port === '' ? (isSecure ? 443 : 80) : Number(port),
      isSecure,
      session: null,
    };
  }

  /** Connections that there are, those that are being made among them. */
  get size(): number {
    return this.#links.size;
  }

  get idle(): number {
    return this.#idle.length;
  }

  /** Puts an exchange at the end of the line. Its caller bounds how many wait. */
  add(waiting: Waiting): void {
    if (this.#isDestroyed) return waiting.closed(destroyed());
    waiting.previousWaiting = this.#last;
    if (this.#last === null) this.#first = waiting;
    else this.#last.nextWaiting = waiting;
    this.#last = waiting;
    this.#schedule();
  }

  /** Takes out of the line one that is in it. */
  remove(waiting: Waiting): void {
    const { previousWaiting: previous, nextWaiting: next } = waiting;
    if (previous === null) this.#first = next;
    else previous.nextWaiting = next;
    if (next === null) this.#last = previous;
    else next.previousWaiting = previous;
    waiting.previousWaiting = null;
    waiting.nextWaiting = null;
  }

  /**
   * Takes back a connection whose exchange is over.
   * @param keepAliveMs how long the upstream says to leave it open; -1 when it does not say
   * @param now performance.now()
   */
  release(link: UpstreamLink, keepAliveMs: number, now: number): void {
    const most = this.#config.keepAliveTimeoutMs;
    const idleMs = keepAliveMs < 0 ? most : Math.min(most, keepAliveMs - KEEP_ALIVE_MARGIN_MS);
    link.user = null;
    if (this.#isClosing || idleMs <= 0) return link.destroy();
    link.expiresAt = now + idleMs;
    link.resume();
    this.#idle.push(link);
    if (this.#first !== null) this.#schedule();
  }

  connected(link: UpstreamLink): void {
    const now = performance.now();
    if (link.user === null) this.release(link, -1, now);
    else link.begin(link.user, now);
  }

  left(link: UpstreamLink): void {
    this.#links.delete(link);
    const index = this.#idle.indexOf(link);
    if (index >= 0) this.#idle.splice(index, 1);
    if (this.#first !== null) this.#schedule();
    if (this.#links.size > 0) return;
    if (this.#sweep !== null) clearInterval(this.#sweep);
    this.#sweep = null;
    this.#whenEmpty?.();
    this.#whenEmpty = null;
  }

  /** Makes no use of a connection beyond what is under way. @param whenClosed called once, when that is over */
  close(whenClosed: () => void): void {
    this.#isClosing = true;
    for (const link of this.#idle.slice()) link.destroy();
    if (this.#links.size === 0) whenClosed();
    else this.#whenEmpty = whenClosed;
  }

  /** Cuts every connection, and fails what waits for one. Resolves when all are closed. */
  async destroy(): Promise<void> {
    this.#isClosing = true;
    this.#isDestroyed = true;
    const links = [...this.#links];
    for (const link of links) link.fail(destroyed());
    for (let waiting = this.#first; waiting !== null; waiting = this.#first) {
      this.remove(waiting);
      waiting.closed(destroyed());
    }
    await Promise.all(links.map((link) => link.whenGone()));
  }

  /** Looks at what has become late. @param now performance.now() */
  sweep(now: number): void {
    for (const link of this.#links) {
      if (link.isConnected) {
        if (link.user === null && link.expiresAt <= now) link.destroy();
      } else if (now - link.startedAt > this.#config.connectTimeoutMs) {
        link.fail(new UpstreamError('connect_timeout', 'No connection came about in time'));
      }
    }
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(servePool, this);
  }

  /** Gives connections to those who wait, in the order in which they came. The loop calls it once for many. */
  serve(): void {
    this.#isScheduled = false;
    const now = performance.now();
    for (let waiting = this.#first; waiting !== null; waiting = this.#first) {
      const link = this.#takeIdle(now);
      if (link === null && this.#links.size >= this.#config.maxConnections) return;
      this.remove(waiting);
      if (link === null) this.#open(waiting, now);
      else link.begin(waiting, now);
    }
  }

  #takeIdle(now: number): UpstreamLink | null {
    for (let link = this.#idle.pop(); link !== undefined; link = this.#idle.pop()) {
      if (link.expiresAt > now) return link;
      link.destroy();
    }
    return null;
  }

  #open(waiting: Waiting, now: number): void {
    let link: UpstreamLink;
    try {
      link = new UpstreamLink(this.#target, this.#config, this, waiting, now);
    } catch (error) {
      return waiting.closed(error instanceof Error ? error : null);
    }
    this.#links.add(link);
    this.#sweep ??= setInterval(sweepPool, SWEEP_MS, this).unref();
    waiting.joined(link);
  }
}

function servePool(pool: UpstreamPool): void {
  pool.serve();
}

function sweepPool(pool: UpstreamPool): void {
  pool.sweep(performance.now());
}

function destroyed(): UpstreamError {
  return new UpstreamError('connection_closed', 'The gateway closes its connections');
}

/** Whether all that the configuration puts into every head can be written as it is. */
function isWritable({ url, preserveHost, authorization }: UpstreamConfig): boolean {
  // There the certificate would have to be the one of the client's host, connection by connection.
  if (preserveHost && url.startsWith('https:')) return false;
  return authorization === null || /^[\t\x20-\x7e\x80-\xff]*$/.test(authorization);
}
