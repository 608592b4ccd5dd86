import { freePort } from '../../../test/support/redis.ts';
import { hasCommand, startPinned } from '../process.ts';
import { type Contestant, running, untilListening } from './contestant.ts';
import { writeNginxConfig } from './nginx-config.ts';

/** nginx: keys in a map, `limit_req` for each key, counted and never met. */
export const nginx: Contestant = {
  name: 'nginx',
  missing: hasCommand('nginx') ? null : 'there is no nginx on the PATH',
  checksKeys: true,
  workers: 1,
  async start(setting) {
    const port = await freePort();
    const file = writeNginxConfig(setting, port, {
      http: 'limit_req_zone $key_id zone=keys:32m rate=1000000r/s;',
      access: 'limit_req zone=keys burst=1000000 nodelay;',
    });
    const gateway = startPinned(setting.cores.gateway, 'nginx', ['-c', file, '-p', setting.folder]);
    await untilListening(port, gateway);
    return running(gateway, port);
  },
};
