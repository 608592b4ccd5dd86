import { existsSync } from 'node:fs';
import { freePort } from '../../../test/support/redis.ts';
import { hasCommand, startPinned } from '../process.ts';
import { startRedisServer } from '../redis-server.ts';
import { type Contestant, running, untilListening } from './contestant.ts';
import { writeNginxConfig } from './nginx-config.ts';

const MODULES = ['/usr/lib/nginx/modules/ndk_http_module.so', '/usr/lib/nginx/modules/ngx_http_lua_module.so'];
const LUA = '/usr/share/lua/5.1';
/** Where Debian and OpenResty have the client of Redis. */
const CLIENTS = ['nginx.redis', 'resty.redis'];

const client = CLIENTS.find((name) => existsSync(`${LUA}/${name.replace('.', '/')}.lua`));

/** Hour and day in one question, as APISIX's limit-count and Kong's rate-limiting do with Redis as their store. */
const COUNT = `
local hour = redis.call('INCR', KEYS[1])
if hour == 1 then redis.call('EXPIRE', KEYS[1], 3600) end
local day = redis.call('INCR', KEYS[2])
if day == 1 then redis.call('EXPIRE', KEYS[2], 86400) end
return {hour, day}`;

/** nginx with Lua: keys in memory, limits counted in Redis at each request. */
export const nginxLua: Contestant = {
  name: 'nginx, Lua, Redis',
  missing: missingHere(),
  checksKeys: true,
  workers: 1,
  async start(setting) {
    const redis = await startRedisServer(setting.cores.others, setting.folder);
    const port = await freePort();
    const file = writeNginxConfig(setting, port, {
      main: MODULES.map((path) => `load_module ${path};`).join('\n'),
      http: `lua_package_path "${LUA}/?.lua;;";\n  init_by_lua_block { client = require "${client}"; script = [[${COUNT}]]; sha = nil }`,
      access: `access_by_lua_block { ${access(redis.port)} }`,
    });
    const gateway = startPinned(setting.cores.gateway, 'nginx', ['-c', file, '-p', setting.folder]);
    await untilListening(port, gateway);
    return running(gateway, port, redis.program);
  },
};

function access(redisPort: number): string {
  return `
        local id, now, err, counts, ok = ngx.var.key_id, ngx.time()
        local redis = client:new()
        redis:set_timeout(1000)
        ok, err = redis:connect("127.0.0.1", ${redisPort})
        if not ok then return ngx.exit(503) end
        if not sha then sha = redis:script("load", script) end
        counts, err = redis:evalsha(sha, 2, "hour:" .. id .. ":" .. math.floor(now / 3600),
          "day:" .. id .. ":" .. math.floor(now / 86400))
        if not counts then return ngx.exit(503) end
        redis:set_keepalive(60000, 256)
        if counts[1] > 1000000000 or counts[2] > 1000000000 then return ngx.exit(429) end
      `;
}

function missingHere(): string | null {
  if (!hasCommand('nginx')) return 'there is no nginx on the PATH';
  if (!hasCommand('redis-server')) return 'there is no redis-server on the PATH';
  const module = MODULES.find((path) => !existsSync(path));
  if (module !== undefined) return `there is no ${module} (Debian: libnginx-mod-http-lua)`;
  return client === undefined ? `there is no client of Redis in ${LUA} (Debian: lua-nginx-redis)` : null;
}
