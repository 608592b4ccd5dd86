import { Invalid } from './fields.ts';

/** A store as its URL names it. */
export type StoreLocation =
  | { readonly kind: 'sqlite'; readonly path: string }
  | { readonly kind: 'redis'; readonly url: string };

export const STORE_WHAT = 'sqlite:PATH, redis://HOST:PORT/DB or, for TLS, rediss://HOST:PORT/DB';

/** Scheme, user and password, host, port, database. */
const REDIS = /^(rediss?):\/\/(?:([^@/?#]*)@)?(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::(\d{1,5}))?(?:\/(\d{0,5}))?$/;
const CREDENTIALS = /^(?:[A-Za-z0-9._~!$&'()*+,;=:-]|%[0-9A-Fa-f]{2})*$/;

/** Reads a store's URL. Messages never repeat it, since it may hold a password. */
export function parseStoreUrl(input: string): StoreLocation | Invalid {
  if (input.startsWith('sqlite:')) return sqlite(input.slice('sqlite:'.length));
  if (!/^rediss?:\/\//.test(input)) return new Invalid(`expected ${STORE_WHAT}`);
  const found = REDIS.exec(input);
  if (found === null || !isPort(found[4])) {
    return new Invalid(`expected ${STORE_WHAT}; "@", "/", "?" and "#" in a password must be percent-encoded`);
  }
  if (!isEncoded(found[2] ?? '')) {
    return new Invalid('special characters in the user or password must be percent-encoded; or use "password_file"');
  }
  return { kind: 'redis', url: input };
}

/** The same URL with this password; it is percent-encoded here. */
export function withPassword(url: string, password: string): string | Invalid {
  const parts = /^(rediss?:\/\/)(?:([^@]*)@)?(.*)$/s.exec(url);
  if (parts === null) return new Invalid('a password is for Redis only');
  const [, scheme, user = '', rest] = parts;
  if (user.includes(':')) return new Invalid('expected either a password in "url" or a "password_file", not both');
  return `${scheme}${user}:${encodeURIComponent(password)}@${rest}`;
}

/** The same URL fit to be shown: user and password replaced by asterisks. */
export function maskStoreUrl(url: string): string {
  return url.replace(/^(rediss?:\/\/)[^@]*@/, '$1********@');
}

/** The host in a Redis URL. */
export function storeHost(url: string): string {
  return (REDIS.exec(url)?.[3] ?? '').replace(/^\[(.*)\]$/, '$1');
}

/** Whether connections to this store are encrypted. */
export function isTlsStore(url: string): boolean {
  return url.startsWith('rediss:');
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

function isPort(text: string | undefined): boolean {
  return text === undefined || (Number(text) >= 1 && Number(text) <= 65_535);
}

function isEncoded(credentials: string): boolean {
  if (!CREDENTIALS.test(credentials)) return false;
  try {
    decodeURIComponent(credentials);
    return true;
  } catch {
    return false;
  }
}
