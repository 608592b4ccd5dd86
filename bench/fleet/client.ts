import { setTimeout as delay } from 'node:timers/promises';
import { Pool } from 'undici';
import type { Serving } from '../../test/cli/serving.ts';
import { type Issued, PATH } from './fleet.ts';

/** Connections to each gateway. */
const CONNECTIONS = 32;
/** Requests that wait for their answers at a time; a gateway that is slower gets fewer than it should. */
const MAX_WAITING = 100;

/** Asks one gateway, over a few connections that stay open. */
export class Client {
  readonly #pool: Pool;

  constructor({ url }: Serving) {
    this.#pool = new Pool(url, { connections: CONNECTIONS });
  }

  /** Resolves with the status, when the whole answer is there. */
  async ask({ secret }: Issued): Promise<number> {
    const headers = { authorization: `Bearer ${secret}` };
    const { statusCode, body } = await this.#pool.request({ path: PATH, method: 'GET', headers });
    await body.dump();
    return statusCode;
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}

/**
 * Does something so many times a second, evenly, whether or not what was done before has ended; less often when too much
 * waits. Resolves when all of it has ended.
 *
 * @param ends when to stop: after so many seconds, or when that is aborted
 */
export async function pace(perSecond: number, ends: number | AbortSignal, act: () => Promise<unknown>): Promise<void> {
  const waiting = new Set<Promise<unknown>>();
  const began = performance.now();
  const isOver = (): boolean => (typeof ends === 'number' ? performance.now() - began >= ends * 1_000 : ends.aborted);
  for (let done = 0; !isOver(); ) {
    const due = Math.floor(((performance.now() - began) * perSecond) / 1_000);
    for (; done < due && waiting.size < MAX_WAITING; done++) {
      const one = act().finally(() => waiting.delete(one));
      waiting.add(one);
    }
    // What there was no room for is left out, not made up for in one go.
    done = Math.max(done, due);
    await delay(1);
  }
  await Promise.all(waiting);
}
