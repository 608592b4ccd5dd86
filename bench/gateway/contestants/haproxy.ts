import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../../test/support/redis.ts';
import { hasCommand, startPinned } from '../process.ts';
import { type Contestant, running, type Setting, untilListening } from './contestant.ts';

/** HAProxy: keys in a map, requests in the hour counted for each key in a stick table, and never too many. */
export const haproxy: Contestant = {
  name: 'HAProxy',
  missing: hasCommand('haproxy') ? null : 'there is no haproxy on the PATH',
  checksKeys: true,
  workers: 1,
  async start(setting) {
    const { folder, keys, cores, logs } = setting;
    const port = await freePort();
    const secrets = readFileSync(keys.file, 'utf8').split('\n');
    writeFileSync(join(folder, 'keys.map'), secrets.map((secret, i) => `${secret} key_bench${i}\n`).join(''));
    const file = join(folder, 'haproxy.cfg');
    writeFileSync(file, configuration(setting, port));
    const output = logs ? { outputFile: join(folder, 'access.log') } : {};
    const gateway = startPinned(cores.gateway, 'haproxy', ['-db', '-f', file], output);
    await untilListening(port, gateway);
    return running(gateway, port);
  },
};

function configuration({ folder, upstreamPort, logs, keys }: Setting, port: number): string {
  return `
global
  maxconn 20000
  no strict-limits
  nbthread 1
  ${logs ? 'log stdout format raw local0' : ''}
defaults
  mode http
  ${logs ? 'log global\n  option httplog' : ''}
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout http-keep-alive 65s
  timeout queue 60s
frontend gateway
  bind 127.0.0.1:${port} backlog 4096 maxconn 20000
  stick-table type string len 32 size ${keys.count * 2} expire 1h store http_req_rate(1h)
  http-request set-var(txn.key) http_auth_bearer,map_str(${folder}/keys.map)
  http-request deny deny_status 401 unless { var(txn.key) -m found }
  http-request track-sc0 var(txn.key)
  http-request deny deny_status 429 if { sc_http_req_rate(0) gt 1000000000 }
  http-request del-header Authorization
  http-request set-header X-Key-Id %[var(txn.key)]
  http-request set-header X-Forwarded-For %[src]
  default_backend api
backend api
  http-reuse always
  server api 127.0.0.1:${upstreamPort} maxconn 256
`;
}
