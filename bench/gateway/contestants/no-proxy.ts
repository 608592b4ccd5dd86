import type { Contestant } from './contestant.ts';

/** The upstream itself: what the load tool and it can do on the other cores. */
export const noProxy: Contestant = {
  name: 'no proxy',
  missing: null,
  checksKeys: false,
  workers: 0,
  start: async ({ upstreamPort }) => ({
    port: upstreamPort,
    pid: null,
    storePid: null,
    stop: async () => undefined,
  }),
};
