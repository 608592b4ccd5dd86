import { readRedisUrl } from '../core/redis-url.ts';
import { Invalid } from './fields.ts';

/** A store as its URL names it. */
export type StoreLocation =
  | { readonly kind: 'sqlite'; readonly path: string }
  | { readonly kind: 'redis'; readonly url: string };

export const STORE_WHAT =
  'sqlite:PATH, redis://HOST:PORT/DB, redis+sentinel://HOST:PORT,HOST:PORT/NAME/DB, redis+cluster://HOST:PORT,HOST:PORT or, for TLS, the same with rediss';

const SCHEME = /^rediss?(?:\+(?:sentinel|cluster))?:\/\//;

/** Reads a store's URL. Messages never repeat it, since it may hold a password. */
export function parseStoreUrl(input: string): StoreLocation | Invalid {
  if (input.startsWith('sqlite:')) return sqlite(input.slice('sqlite:'.length));
  const [scheme] = SCHEME.exec(input) ?? [];
  if (scheme === undefined) return new Invalid(`expected ${STORE_WHAT}`);
  const read = readRedisUrl(input);
  if (read === 'credentials') {
    return new Invalid('special characters in the user or password must be percent-encoded; or use "password_file"');
  }
  if (read !== 'form') return { kind: 'redis', url: input };
  return new Invalid(`expected ${formOf(scheme)}; "@", "/", "?" and "#" in a password must be percent-encoded`);
}

function formOf(scheme: string): string {
  if (scheme.includes('+sentinel')) {
    return `${scheme}HOST:PORT,HOST:PORT/NAME or …/NAME/DB: the sentinels, and the name by which they know the primary`;
  }
  if (scheme.includes('+cluster')) {
    return `${scheme}HOST:PORT,HOST:PORT: some nodes of the cluster, and no database, as a cluster has but one`;
  }
  return `${scheme}HOST:PORT/DB`;
}

/** The same URL with this password; it is percent-encoded here. */
export function withPassword(url: string, password: string): string | Invalid {
  const parts = /^(rediss?(?:\+\w+)?:\/\/)(?:([^@]*)@)?(.*)$/s.exec(url);
  if (parts === null) return new Invalid('a password is for Redis only');
  const [, scheme, user = '', rest] = parts;
  if (user.includes(':')) return new Invalid('expected either a password in "url" or a "password_file", not both');
  return `${scheme}${user}:${encodeURIComponent(password)}@${rest}`;
}

/** The same URL fit to be shown: user and password replaced by asterisks. */
export function maskStoreUrl(url: string): string {
  return url.replace(/^(rediss?(?:\+\w+)?:\/\/)[^@]*@/, '$1********@');
}

/** The hosts in a Redis URL; none in another. */
export function storeHosts(url: string): string[] {
  const read = readRedisUrl(url);
  return typeof read === 'string' ? [] : read.hosts.map(({ host }) => host);
}

/** Whether connections to this store are encrypted. */
export function isTlsStore(url: string): boolean {
  return url.startsWith('rediss');
}

function sqlite(path: string): StoreLocation | Invalid {
  if (path === '' || path.startsWith('//') || path.includes('\0')) {
    return new Invalid(
      'expected a file after "sqlite:", like sqlite:./data/latchkey.db or sqlite:/var/lib/latchkey.db',
    );
  }
  // It would lose every key at a restart, and each worker would count limits for itself.
  if (path.startsWith(':memory:')) return new Invalid('expected a file after "sqlite:"; keys must outlive the process');
  return { kind: 'sqlite', path };
}
