import type { Pool } from 'undici';
import type { UpstreamConfig } from '../config/config.ts';
import type { UpstreamPool } from './fast/upstream-pool.ts';
import { Upstream, UpstreamTable } from './upstreams.ts';

/**
 * The upstreams in use. A reload keeps the connections of every upstream whose settings did not change, and closes those
 * of the others when the last request that may need them has ended.
 */
export class UpstreamRegistry {
  readonly #upstreams = new Map<string, Upstream>();
  /** Pools that finish what they have and take nothing new. */
  readonly #closing = new Set<Pool | UpstreamPool>();

  /** A table for a configuration. It must be retired in the end. */
  tableFor(configs: readonly UpstreamConfig[]): UpstreamTable {
    return new UpstreamTable(configs.map((config) => this.#upstreamFor(config)));
  }

  /** Another table has taken its place: what only it used is closed once nobody holds it. */
  retire(table: UpstreamTable): void {
    table.whenUnused(() => {
      for (const upstream of table.upstreams) this.#letGo(upstream);
    });
  }

  /** Cuts every connection. Resolves when all are closed. */
  async destroy(): Promise<void> {
    const open = [...this.#upstreams.values()].flatMap(({ pool, links }) => [pool, links]);
    this.#upstreams.clear();
    await Promise.all([...open, ...this.#closing].map((pool) => pool.destroy()));
  }

  #upstreamFor(config: UpstreamConfig): Upstream {
    const settings = JSON.stringify(config);
    let upstream = this.#upstreams.get(settings);
    if (upstream === undefined) {
      upstream = new Upstream(config);
      this.#upstreams.set(settings, upstream);
    }
    upstream.users++;
    return upstream;
  }

  #letGo(upstream: Upstream): void {
    upstream.users--;
    if (upstream.users > 0) return;
    this.#upstreams.delete(JSON.stringify(upstream.config));
    const { pool, links } = upstream;
    this.#closing.add(links);
    links.close(() => this.#closing.delete(links));
    this.#closing.add(pool);
    // The callback form: a pool that is destroyed meanwhile must not leave a rejected promise behind.
    pool.close(() => this.#closing.delete(pool));
  }
}
