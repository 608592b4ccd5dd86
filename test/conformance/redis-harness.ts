import { type Cluster, Redis } from 'ioredis';
import type { Test } from 'tap';
import type { LimitState } from '../../src/core/limits.ts';
import type { Store } from '../../src/core/ports.ts';
import { openStore } from '../../src/stores/open.ts';
import { AUDIT, CHANGES, GATEWAYS, limitName, recordName } from '../../src/stores/redis/layout.ts';
import type { Harness } from './harness.ts';

/**
 * @param url of a running server, or cluster, that is the test's own
 * @param raw what asks it directly; ended by this
 */
export function redisHarness(t: Test, url: string, raw: Redis | Cluster = new Redis(url, { protocol: 2 })): Harness {
  const settings = { kind: 'redis', url, timeoutMs: 10_000 } as const;
  const opened: Store[] = [];
  t.teardown(async () => {
    await Promise.all(opened.map((store) => store.close()));
    raw.disconnect();
  });
  return {
    lostByKill: 0,
    where: JSON.stringify(settings),
    open: async () => {
      const store = await openStore(settings, { now: () => Date.now() });
      opened.push(store);
      return store;
    },
    seed: async (keyId, state) => {
      await raw.hset(limitName(keyId), state);
    },
    stateOf: async (keyId) => {
      const found = await raw.hgetall(limitName(keyId));
      if (found['at'] === undefined) return null;
      const number = (name: keyof LimitState): number => Number(found[name]);
      const [hour, hourUsed, day] = [number('hour'), number('hourUsed'), number('day')];
      return { hour, hourUsed, day, dayUsed: number('dayUsed'), units: number('units'), at: number('at') };
    },
    damage: async (keyId, text) => {
      await raw.hset(recordName(keyId), 'json', text);
    },
    forgetChanges: async () => {
      await raw.del(CHANGES);
    },
    tamperAudit: async (seq, json) => {
      // A stream changes no entry: it is made anew.
      const entries = await raw.xrange(AUDIT, '-', '+');
      await raw.del(AUDIT);
      for (const [id, fields] of entries) {
        const at = fields.indexOf('json') + 1;
        await raw.xadd(AUDIT, id, ...(id === `${seq}-0` ? fields.with(at, json) : fields));
      }
    },
    dropAudit: async (seq) => {
      await raw.xdel(AUDIT, `${seq}-0`);
    },
    ageGateways: async (ms) => {
      for (const [id, entry] of Object.entries(await raw.hgetall(GATEWAYS))) {
        const [at = '', cursor = '', heard = '', ...name] = entry.split(' ');
        // By both clocks: the server was there, and heard others.
        if (at !== 'at') await raw.hset(GATEWAYS, id, [Number(at) - ms, cursor, Number(heard) - ms, ...name].join(' '));
      }
    },
    // Besides the time in which any was heard.
    gatewaysHeld: async () => (await raw.hlen(GATEWAYS)) - 1,
  };
}
