import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { Advice } from './advice.ts';
import type { Config } from './config.ts';
import { hostOf, isLoopback } from './network-fields.ts';
import { isTlsStore, storeHosts } from './store-url.ts';

/** What is odd about where the parts are, and whom they believe. */
export function deploymentAdvice(config: Config): Advice[] {
  return [...trust(config), ...management(config), ...store(config), ...upstreams(config)];
}

function trust(config: Config): Advice[] {
  const { trustedProxies, proxyProtocolFrom } = config.proxy;
  const advice = (setting: string, networks: readonly string[], what: string): Advice[] =>
    networks.flatMap((network, index) => {
      if (!network.endsWith('/0')) return [];
      const message = `believes the ${what} of everybody, so that a client can claim any address`;
      return [{ path: ['proxy', setting, index], message }];
    });
  return [
    ...advice('trusted_proxies', trustedProxies, 'headers'),
    ...advice('proxy_protocol_from', proxyProtocolFrom, 'PROXY protocol'),
  ];
}

function management({ management: { listen } }: Config): Advice[] {
  if (listen === null || isLoopback(listen.host)) return [];
  const message = 'can be reached from elsewhere, and speaks plain HTTP: put something with TLS in front of it';
  return [{ path: ['management', 'listen'], message }];
}

function store(config: Config): Advice[] {
  if (config.store.kind !== 'redis' || isTlsStore(config.store.url)) return [];
  const outside = storeHosts(config.store.url).find((host) => !isInside(host));
  if (outside === undefined) return [];
  const scheme = config.store.url.slice('redis'.length, config.store.url.indexOf('://'));
  return [{ path: ['store'], message: `the connection to ${outside} is not encrypted; use rediss${scheme}://` }];
}

function upstreams(config: Config): Advice[] {
  return config.upstreams.flatMap((upstream, index) => {
    const url = new URL(upstream.url);
    const host = hostOf(url);
    const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
    const path = ['upstreams', index, 'url'];
    if (port === config.proxy.listen.port && isLoopback(host)) {
      return [{ path, message: 'is the address of this proxy itself, so that requests go round in circles' }];
    }
    if (url.protocol === 'https:' || isInside(host)) return [];
    return [{ path, message: `the connection to ${host} is not encrypted; use https://` }];
  });
}

/** Loopback, private networks, and names that only exist inside one: `redis`, `redis.default.svc`. */
function isInside(host: string): boolean {
  if (isIP(host) !== 0) return ipaddr.process(host).range() !== 'unicast';
  return !host.includes('.') || /\.(?:localhost|local|internal|lan|svc|home\.arpa)\.?$/.test(host);
}
