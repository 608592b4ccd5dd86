import type { BelievedHeader, Config, ProxyConfig } from '../config/config.ts';
import { AddressSet } from '../core/address-set.ts';
import { RouteTable } from '../core/route.ts';
import type { TargetRules } from '../core/target.ts';
import type { UpstreamTable } from './upstreams.ts';

/**
 * All of the configuration that a request meets. A reload puts another in its place; each request keeps to the one that
 * was there when its head arrived.
 */
export interface Policy {
  readonly routes: RouteTable;
  /** Proxies in front, whose word is taken. */
  readonly trusted: AddressSet;
  /** Whether a peer is one of them. Peers are few and come again, so what was found is remembered. */
  readonly trusts: (peer: string) => boolean;
  /** The headers in which it is taken. */
  readonly believed: ReadonlySet<BelievedHeader>;
  /** Peers whose connections begin with a PROXY protocol header. */
  readonly sendsProxyHeader: AddressSet;
  readonly upstreams: UpstreamTable;
  readonly proxy: ProxyConfig;
  readonly targetRules: TargetRules;
  /** Lower-case names of overriding headers that go through. */
  readonly allowedOverrides: ReadonlySet<string>;
}

/** @throws PatternError on a route pattern that is not one; a loaded configuration has none. */
export function policyOf(config: Config, upstreams: UpstreamTable): Policy {
  const { proxy, access } = config;
  const trusted = AddressSet.of(proxy.trustedProxies);
  return {
    routes: new RouteTable(access),
    trusted,
    trusts: remembering((peer) => trusted.hasText(peer)),
    believed: new Set(proxy.believedHeaders),
    sendsProxyHeader: AddressSet.of(proxy.proxyProtocolFrom),
    upstreams,
    proxy,
    targetRules: { allowPathParameters: proxy.allowPathParameters },
    allowedOverrides: new Set(proxy.allowOverrideHeaders),
  };
}

const MAX_REMEMBERED_PEERS = 1024;

function remembering(ask: (peer: string) => boolean): (peer: string) => boolean {
  const known = new Map<string, boolean>();
  return (peer) => {
    let answer = known.get(peer);
    if (answer === undefined) {
      answer = ask(peer);
      if (known.size < MAX_REMEMBERED_PEERS) known.set(peer, answer);
    }
    return answer;
  };
}
