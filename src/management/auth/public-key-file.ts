import { createPublicKey, type JsonWebKeyInput, type KeyObject } from 'node:crypto';
import { createLocalJWKSet, type JSONWebKeySet } from 'jose';
import { ConfigError } from '../../config/problem.ts';
import { errorCode, readBounded } from '../../config/secrets.ts';
import { ASYMMETRIC, type KeySource } from './key-source.ts';

const MAX_FILE_BYTES = 256 * 1024;
/** Shorter ones have been factored. */
const MIN_RSA_BITS = 2048;
const WHAT =
  'expected a public key as PEM, a certificate, a JWK or a JWKS; RSA of 2048 bits or more, P-256, P-384 or Ed25519';

/**
 * Tokens that a key in a file checks. The algorithm follows from the kind of the key.
 *
 * @throws ConfigError when the file holds no key that may be used
 */
export function publicKeySource(path: string): KeySource {
  const text = readText(path);
  const { algorithms, key } = text.trimStart().startsWith('{')
    ? fromJson(text, path)
    : single(publicKey(text, path), path);
  return { algorithms, key, warnings: [] };
}

type Keys = Pick<KeySource, 'algorithms' | 'key'>;

/**
 * One key without a name: whatever a token calls its key, it is checked with this one. Who issues tokens mostly names
 * their keys, and a PEM has no place for that.
 */
function single(key: KeyObject, path: string): Keys {
  const algorithms = algorithmsOf(key);
  if (algorithms.length === 0) throw unusable(path, `holds a key of another kind; ${WHAT}`);
  return { algorithms, key: () => Promise.resolve(key) };
}

function fromJson(text: string, path: string): Keys {
  const json = parseJson(text, path);
  const isSet = Array.isArray(json['keys']);
  const jwks = (isSet ? json['keys'] : [json]) as readonly unknown[];
  const keys = jwks.map((jwk) => publicKey(jwk, path));
  const [only] = keys;
  if (only === undefined) throw unusable(path, `holds no key; ${WHAT}`);
  if (!isSet && json['kid'] === undefined) return single(only, path);
  const algorithms = new Set(keys.flatMap(algorithmsOf));
  if (algorithms.size === 0) throw unusable(path, `holds keys of other kinds; ${WHAT}`);
  const find = createLocalJWKSet({ keys: jwks } as JSONWebKeySet);
  return { algorithms: [...algorithms], key: (header) => find(header) };
}

function parseJson(text: string, path: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>;
  } catch {
    throw unusable(path, `is not JSON; ${WHAT}`);
  }
}

/** A PEM or a JWK as a key. Node would make a public key of a private one, which has no business here. */
function publicKey(source: unknown, path: string): KeyObject {
  const isPrivate = typeof source === 'string' ? source.includes('PRIVATE KEY') : isPrivateJwk(source);
  if (isPrivate) throw unusable(path, 'holds a private key or a shared secret; expected the public key alone');
  try {
    return typeof source === 'string'
      ? createPublicKey(source)
      : createPublicKey({ key: source, format: 'jwk' } as JsonWebKeyInput);
  } catch {
    throw unusable(path, `holds no key that can be read; ${WHAT}`);
  }
}

function isPrivateJwk(jwk: unknown): boolean {
  return typeof jwk === 'object' && jwk !== null && ('d' in jwk || 'k' in jwk);
}

/** What a key may check; [] when it may not be used. */
function algorithmsOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): readonly string[] {
  const [rs256, es256, es384, ...ed25519] = ASYMMETRIC;
  if (asymmetricKeyType === 'rsa') return (asymmetricKeyDetails?.modulusLength ?? 0) >= MIN_RSA_BITS ? [rs256] : [];
  if (asymmetricKeyType === 'ed25519') return ed25519;
  if (asymmetricKeyType !== 'ec') return [];
  if (asymmetricKeyDetails?.namedCurve === 'prime256v1') return [es256];
  return asymmetricKeyDetails?.namedCurve === 'secp384r1' ? [es384] : [];
}

function readText(path: string): string {
  let bytes: Buffer | null;
  try {
    bytes = readBounded(path, MAX_FILE_BYTES);
  } catch (error) {
    throw unusable(path, `cannot be read (${errorCode(error)})`);
  }
  if (bytes === null) throw unusable(path, `is longer than keys can be (${MAX_FILE_BYTES} bytes)`);
  return bytes.toString('utf8');
}

function unusable(path: string, message: string): ConfigError {
  return new ConfigError([{ file: path, line: null, column: null, path: 'management.jwt.public_key_file', message }]);
}
