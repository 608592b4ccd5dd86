import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Setting } from './contestant.ts';

/** What one nginx has that another has not. */
export interface NginxParts {
  /** Before everything: modules. */
  readonly main?: string;
  /** Inside `http`. */
  readonly http?: string;
  /** Inside the only location: who may pass. */
  readonly access: string;
}

/**
 * Writes the files of an nginx with one worker that knows keys by a map, in memory, and streams bodies both ways.
 *
 * @returns the path of its configuration
 */
export function writeNginxConfig(setting: Setting, port: number, parts: NginxParts): string {
  const { folder, keys } = setting;
  const secrets = readFileSync(keys.file, 'utf8').split('\n');
  writeFileSync(join(folder, 'keys.map'), secrets.map((secret, i) => `"Bearer ${secret}" key_bench${i};\n`).join(''));
  const file = join(folder, 'nginx.conf');
  writeFileSync(file, configuration(setting, port, parts));
  return file;
}

function configuration({ folder, upstreamPort, logs, keys }: Setting, port: number, parts: NginxParts): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `
${parts.main ?? ''}
${process.getuid?.() === 0 ? 'user root;' : ''}
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log stderr error;
events { worker_connections 32768; }
http {
  access_log ${logs ? `${folder}/access.log` : 'off'};
  ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join('\n  ')}
  map_hash_max_size ${keys.count * 4};
  map_hash_bucket_size 256;
  map $http_authorization $key_id { default ""; include ${folder}/keys.map; }
  ${parts.http ?? ''}
  upstream api {
    server 127.0.0.1:${upstreamPort};
    keepalive 256;
    keepalive_requests 100000000;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    keepalive_timeout 65s;
    keepalive_requests 100000000;
    client_max_body_size 0;
    location / {
      if ($key_id = "") { return 401; }
      ${parts.access}
      proxy_pass http://api;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Authorization "";
      proxy_set_header X-Key-Id $key_id;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_request_buffering off;
      proxy_max_temp_file_size 0;
    }
  }
}
`;
}
