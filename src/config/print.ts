import { stringify } from 'yaml';
import { formatDuration } from '../core/duration.ts';
import { formatSize } from '../core/size.ts';
import type {
  Config,
  KeysConfig,
  KeyTypeConfig,
  ListenAddress,
  ManagementConfig,
  PlacesConfig,
  ProxyConfig,
  RestrictionsConfig,
  StoreConfig,
  TorListSource,
  UpstreamConfig,
} from './config.ts';
import { maskQuery } from './network-fields.ts';
import { maskStoreUrl } from './store-url.ts';

/** Stands for a secret. Long enough to be seen, and no hint of its length. */
const MASK = '********';

/** The effective configuration as the YAML that would give it, every secret masked. */
export function printConfig(config: Config): string {
  // A "${" that is in a value now was not filled in: it must not be when this is read again.
  const escaped = (_: unknown, value: unknown): unknown =>
    typeof value === 'string' ? value.replaceAll('${', () => '$${') : value;
  return stringify(settings(config), escaped, { lineWidth: 0, aliasDuplicateObjects: false });
}

/** The same as plain values, for output as JSON. */
export function settings(config: Config): Record<string, unknown> {
  return {
    proxy: proxy(config.proxy),
    management: management(config.management),
    health: { listen: address(config.health.listen), store_grace: formatDuration(config.health.storeGraceMs) },
    store: store(config.store),
    cache: {
      max_keys: config.cache.maxKeys,
      max_unknown: config.cache.maxUnknown,
      ttl: formatDuration(config.cache.ttlMs),
      unknown_ttl: formatDuration(config.cache.unknownTtlMs),
      max_stale: formatDuration(config.cache.maxStaleMs),
    },
    keys: keys(config.keys),
    upstreams: config.upstreams.map(upstream),
    access: {
      public: config.access.public,
      any_key: config.access.anyKey,
      permissions: { ...config.access.permissions },
    },
    presets: { ...config.presets },
    tiers: mapValues(config.tiers, (tier) => ({ per_hour: tier.perHour, per_day: tier.perDay, burst: tier.burst })),
    key_types: mapValues(config.keyTypes, keyType),
    ...places(config.places),
    restrictions: restrictions(config.restrictions),
    failures: {
      burst: config.failures.burst,
      per_minute: config.failures.perMinute,
      max_addresses: config.failures.maxAddresses,
    },
    retention: { usage: formatDuration(config.retention.usageMs), audit: durationOrNever(config.retention.auditMs) },
    log: { ...config.log },
  };
}

function restrictions({ ip, country, tor, shadow }: RestrictionsConfig): Record<string, unknown> {
  const mode = ({ isShadow }: { readonly isShadow: boolean }): string => (isShadow ? 'shadow' : 'enforce');
  return {
    ip: { allow: ip.allow, deny: ip.deny, mode: mode(ip) },
    country: { block: country.block, block_unknown: country.blockUnknown, mode: mode(country) },
    tor: { block: tor.block, mode: mode(tor) },
    shadow,
  };
}

function proxy(config: ProxyConfig): Record<string, unknown> {
  return {
    listen: address(config.listen),
    front: config.front,
    trusted_proxies: config.trustedProxies,
    believed_headers: config.believedHeaders,
    proxy_protocol_from: config.proxyProtocolFrom,
    realm: config.realm,
    allow_path_parameters: config.allowPathParameters,
    allow_override_headers: config.allowOverrideHeaders,
    max_connections: config.maxConnections,
    max_requests_in_flight: config.maxRequestsInFlight,
    max_header_size: formatSize(config.maxHeaderBytes),
    max_headers: config.maxHeaders,
    max_target_size: formatSize(config.maxTargetBytes),
    max_body_size: formatSize(config.maxBodyBytes),
    head_timeout: formatDuration(config.headTimeoutMs),
    body_idle_timeout: formatDuration(config.bodyIdleTimeoutMs),
    keep_alive_timeout: formatDuration(config.keepAliveTimeoutMs),
    drain_delay: formatDuration(config.drainDelayMs),
    drain_timeout: formatDuration(config.drainTimeoutMs),
    websocket: {
      idle_timeout: formatDuration(config.websocket.idleTimeoutMs),
      max_connections_per_key: config.websocket.maxConnectionsPerKey,
    },
  };
}

function management(config: ManagementConfig): Record<string, unknown> {
  const { issuer, audience, source } = config.jwt;
  return {
    listen: config.listen === null ? 'off' : address(config.listen),
    jwt: { issuer, audience, [source.kind]: source.kind === 'jwks_url' ? maskQuery(source.url) : source.path },
    max_body_size: formatSize(config.maxBodyBytes),
    self_service: { permissions: config.selfServicePermissions, max_keys: config.selfServiceMaxKeys },
  };
}

function keys(config: KeysConfig): Record<string, unknown> {
  return {
    prefix: config.prefix,
    peppers: config.peppers.map(({ version }) => ({ version, secret: MASK })),
    rotation_grace: formatDuration(config.rotationGraceMs),
    ...(config.recoverableUnder === null ? {} : { recoverable: { secret: MASK } }),
  };
}

function keyType(config: KeyTypeConfig): Record<string, unknown> {
  return {
    tier: config.tier,
    default_expiry: durationOrNever(config.defaultExpiryMs),
    max_expiry: durationOrNever(config.maxExpiryMs),
    rotation_due: durationOrNever(config.rotationDueMs),
    request_log: {
      retention: formatDuration(config.requestLog.retentionMs),
      max_entries: config.requestLog.maxEntries,
    },
  };
}

function places(config: PlacesConfig): Record<string, unknown> {
  return {
    ...(config.countryDatabase === null ? {} : { country: { database: config.countryDatabase } }),
    ...(config.torList === null ? {} : { tor: torList(config.torList) }),
  };
}

function torList(source: TorListSource): Record<string, unknown> {
  if (source.kind === 'file') return { list_file: source.path };
  const { url, refreshMs, keptFile } = source;
  return { list_url: maskQuery(url), refresh: formatDuration(refreshMs), kept_file: keptFile ?? 'off' };
}

function store(config: StoreConfig): Record<string, unknown> {
  const url = config.kind === 'sqlite' ? `sqlite:${config.path}` : maskStoreUrl(config.url);
  return { url, timeout: formatDuration(config.timeoutMs) };
}

function upstream(config: UpstreamConfig): Record<string, unknown> {
  return {
    url: config.url,
    hosts: config.hosts,
    paths: config.paths,
    ...(config.authorization === null ? {} : { authorization: MASK }),
    preserve_host: config.preserveHost,
    max_connections: config.maxConnections,
    max_queued: config.maxQueued,
    max_header_size: formatSize(config.maxHeaderBytes),
    connect_timeout: formatDuration(config.connectTimeoutMs),
    head_timeout: formatDuration(config.headTimeoutMs),
    body_idle_timeout: formatDuration(config.bodyIdleTimeoutMs),
    total_timeout: formatDuration(config.totalTimeoutMs),
    keep_alive_timeout: formatDuration(config.keepAliveTimeoutMs),
  };
}

function address({ host, port }: ListenAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function durationOrNever(ms: number | null): string {
  return ms === null ? 'never' : formatDuration(ms);
}

function mapValues<T, U>(record: Readonly<Record<string, T>>, map: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]));
}
