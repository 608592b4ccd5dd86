import type { Limits } from '../core/limits.ts';
import type { LogBounds } from '../core/request-log.ts';
import type { GlobalRules } from '../restrictions/global.ts';

/**
 * A checked configuration: every setting present, durations in milliseconds, sizes in bytes, secrets read from their
 * files. src/config/schema.ts makes it from the YAML file; nothing else reads the environment.
 */
export interface Config {
  /** The file it came from; null for `serve --upstream` without one. */
  readonly file: string | null;
  readonly proxy: ProxyConfig;
  readonly management: ManagementConfig;
  readonly health: HealthConfig;
  readonly store: StoreConfig;
  readonly cache: CacheConfig;
  readonly keys: KeysConfig;
  readonly upstreams: readonly UpstreamConfig[];
  readonly access: AccessConfig;
  /** Preset name to permissions. */
  readonly presets: Readonly<Record<string, readonly string[]>>;
  readonly tiers: Readonly<Record<string, Limits>>;
  readonly keyTypes: Readonly<Record<string, KeyTypeConfig>>;
  readonly places: PlacesConfig;
  readonly restrictions: RestrictionsConfig;
  readonly failures: FailureThrottleConfig;
  readonly retention: RetentionConfig;
  readonly log: LogConfig;
}

export interface ManagementConfig {
  /** null: there is no management listener. */
  readonly listen: ListenAddress | null;
  readonly jwt: JwtConfig;
  /** The longest body of a request, in bytes. */
  readonly maxBodyBytes: number;
  /** What a caller without `admin:write` may give its own keys, besides what its token lists. */
  readonly selfServicePermissions: readonly string[];
  /** How many keys of its own such a caller may have. */
  readonly selfServiceMaxKeys: number;
}

/** Which tokens the management API believes. */
export interface JwtConfig {
  readonly issuer: string;
  readonly audience: string;
  readonly source: JwtSource;
}

/**
 * What tells a true token from a false one: a secret (its file is made on the first start when it is not there), a public
 * key in PEM or as a JWK, or the address at which public keys are published (https, or http on this machine).
 */
export type JwtSource =
  | { readonly kind: 'secret_file'; readonly path: string }
  | { readonly kind: 'public_key_file'; readonly path: string }
  | { readonly kind: 'jwks_url'; readonly url: string };

/** Where addresses are. */
export interface PlacesConfig {
  /** MMDB file that knows the countries of addresses; null: no country is known. */
  readonly countryDatabase: string | null;
  /** Where the addresses of Tor's exits are listed; null: nobody knows which they are. */
  readonly torList: TorListSource | null;
}

/** A file that others keep up to date, or an address from which the list is fetched now and then. */
export type TorListSource =
  | { readonly kind: 'file'; readonly path: string }
  | {
      readonly kind: 'url';
      readonly url: string;
      /** Between two fetches, give or take a tenth. */
      readonly refreshMs: number;
      /** Where the last good list is kept over a restart; null: nowhere. */
      readonly keptFile: string | null;
    };

/** What holds for every request, whatever its key; and what is only tried out. */
export interface RestrictionsConfig extends GlobalRules {
  /** Kinds of restrictions on keys, and `limits`, that are counted and logged for every key, not enforced. */
  readonly shadow: readonly string[];
}

/** For how long things are kept besides keys. */
export interface RetentionConfig {
  readonly usageMs: number;
  /** null: for ever. */
  readonly auditMs: number | null;
}

export interface HealthConfig {
  readonly listen: ListenAddress;
  /** How long the store may be silent before /readyz fails for that reason. */
  readonly storeGraceMs: number;
}

export interface ListenAddress {
  readonly host: string;
  /** 0 asks the system for a free port. */
  readonly port: number;
}

export const BELIEVED_HEADERS = ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'forwarded'] as const;
/** A header in which a proxy says who its client is, and what that one asked for. */
export type BelievedHeader = (typeof BELIEVED_HEADERS)[number];

export interface ProxyConfig {
  readonly listen: ListenAddress;
  /** What reads requests: `node`: node:http alone; `auto`: a reader of plain requests in front of it. */
  readonly front: 'auto' | 'node';
  /** CIDRs and addresses of the proxies in front, whose word is taken. */
  readonly trustedProxies: readonly string[];
  /** Which of their headers are believed. Never two that name the client. */
  readonly believedHeaders: readonly BelievedHeader[];
  /** CIDRs and addresses of those whose connections begin with a PROXY protocol header; empty: nobody's do. */
  readonly proxyProtocolFrom: readonly string[];
  /** Realm of WWW-Authenticate. */
  readonly realm: string;
  /** Accept `;` in the path, which some upstreams cut off before they route. */
  readonly allowPathParameters: boolean;
  /** Lower-case names of headers that are dropped by default (X-HTTP-Method-Override and its kin) but let through here. */
  readonly allowOverrideHeaders: readonly string[];
  readonly maxConnections: number;
  readonly maxHeaderBytes: number;
  readonly maxHeaders: number;
  readonly maxTargetBytes: number;
  readonly maxBodyBytes: number;
  /** Requests in flight, all connections together; one more is answered 503 `overloaded`. */
  readonly maxRequestsInFlight: number;
  /** From the first byte of a request's head to its end. */
  readonly headTimeoutMs: number;
  /** The longest pause between two pieces of a request body. */
  readonly bodyIdleTimeoutMs: number;
  /** How long an idle keep-alive connection stays open. */
  readonly keepAliveTimeoutMs: number;
  /** From SIGTERM until the listeners stop, so that load balancers see /readyz first. */
  readonly drainDelayMs: number;
  /** From then until requests still in flight are cut. */
  readonly drainTimeoutMs: number;
  readonly websocket: WebSocketConfig;
}

export interface WebSocketConfig {
  /** No byte in either direction for this long: closed with 1001. */
  readonly idleTimeoutMs: number;
  readonly maxConnectionsPerKey: number;
}

export type StoreConfig =
  | { readonly kind: 'sqlite'; readonly path: string; readonly timeoutMs: number }
  | { readonly kind: 'redis'; readonly url: string; readonly timeoutMs: number };

export interface CacheConfig {
  /** Parsed keys kept in memory. */
  readonly maxKeys: number;
  /** Digests known to be unknown, kept in memory. */
  readonly maxUnknown: number;
  /** How long a cached key is used before it is read again, changed or not. */
  readonly ttlMs: number;
  /** How long an unknown digest is remembered. */
  readonly unknownTtlMs: number;
  /** How long a cached key stays usable while the store cannot be asked. */
  readonly maxStaleMs: number;
}

export interface Pepper {
  /** Names the pepper in stored digests: `hmac-<version>:…`. */
  readonly version: number;
  readonly secret: string;
}

export interface KeysConfig {
  /** Prefix of new secrets, without the underscore. */
  readonly prefix: string;
  /** Newest first: the first hashes new secrets, all are tried for old ones. Empty: plain SHA-256. */
  readonly peppers: readonly Pepper[];
  /** Default grace of a rotation. */
  readonly rotationGraceMs: number;
  /** 32 bytes under which secrets are sealed so that they can be shown again; null: they cannot. */
  readonly recoverableUnder: Buffer | null;
}

export interface UpstreamConfig {
  /** Origin and optional base path, without a trailing slash: `http://127.0.0.1:9000`. */
  readonly url: string;
  /** Host names that choose this upstream; empty: any. `*.example.com` matches one or more labels. */
  readonly hosts: readonly string[];
  /** Path prefixes (whole segments) that choose it; empty: any. */
  readonly paths: readonly string[];
  /** Replaces the caller's Authorization; null: it is removed. */
  readonly authorization: string | null;
  /** Send the client's Host instead of the upstream's own. */
  readonly preserveHost: boolean;
  readonly maxConnections: number;
  /** Requests that wait for a connection; one more is answered 503 `overloaded`. */
  readonly maxQueued: number;
  readonly connectTimeoutMs: number;
  /** From the request sent until the head of the answer. */
  readonly headTimeoutMs: number;
  /** The longest pause between two pieces of the answer's body. */
  readonly bodyIdleTimeoutMs: number;
  /** From the decision to the answer's end; 0: none. */
  readonly totalTimeoutMs: number;
  /** How long an idle connection to the upstream is kept. */
  readonly keepAliveTimeoutMs: number;
  readonly maxHeaderBytes: number;
}

export interface AccessConfig {
  /** Routes, each `METHOD /pattern`; `*` for any method. */
  readonly public: readonly string[];
  readonly anyKey: readonly string[];
  /** Permission to its routes: also the catalogue of permissions. */
  readonly permissions: Readonly<Record<string, readonly string[]>>;
}

export interface KeyTypeConfig {
  readonly tier: string;
  /** null: never. */
  readonly defaultExpiryMs: number | null;
  /** The longest that a key may live, from when its expiry is set; null: for ever. */
  readonly maxExpiryMs: number | null;
  /** After this age `keys show` says that a rotation is due; null: never. */
  readonly rotationDueMs: number | null;
  /** What is kept of the requests of its keys. */
  readonly requestLog: LogBounds;
}

export interface FailureThrottleConfig {
  /** Failed authentications that one address may have before it is refused. */
  readonly burst: number;
  /** How many come back each minute. */
  readonly perMinute: number;
  /** Addresses remembered at a time. */
  readonly maxAddresses: number;
}

export interface LogConfig {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
  /** `auto`: pretty on a terminal, JSON otherwise. */
  readonly format: 'auto' | 'json' | 'pretty';
  /** One line per request. */
  readonly requests: boolean;
}
