import { createSecretKey, randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { errors } from 'jose';
import { ConfigError } from '../../config/problem.ts';
import { errorCode, readBounded } from '../../config/secrets.ts';
import type { KeySource } from './key-source.ts';

/** As many as HS256 has bits of strength for (RFC 7518 §3.2). */
export const MIN_SECRET_BYTES = 32;
/** Secrets are short; whatever is longer is the wrong file. */
const MAX_SECRET_BYTES = 4096;
/** That the group, or everybody, may read it. */
const READABLE_BY_OTHERS = 0o044;

export interface SigningSecret {
  /** The text in the file, without the line break at its end: it is what other programs are given to sign with too. */
  readonly secret: Buffer;
  /** Whether there was none, and one was made. */
  readonly made: boolean;
  readonly warnings: readonly string[];
}

/**
 * Reads the secret that management tokens are signed with; makes one when there is no such file.
 *
 * @param path of the file; relative to the working directory
 * @throws ConfigError when it can be neither read nor made, or is too short to be safe
 */
export function signingSecret(path: string): SigningSecret {
  const found = read(path);
  if (found !== null) return { ...found, made: false };
  const made = make(path);
  const written = read(path);
  if (written === null) throw unusable(path, 'cannot be read, though it is there; is it a link that leads nowhere?');
  return { ...written, made };
}

/** Tokens that the secret in a file signs: HS256 and nothing else. */
export function secretSource(path: string): KeySource {
  const { secret, warnings } = signingSecret(path);
  const key = createSecretKey(secret);
  return {
    algorithms: ['HS256'],
    warnings,
    // The one secret has no name: a token that names its key was made for another.
    key: ({ kid }) => (kid === undefined ? Promise.resolve(key) : Promise.reject(new errors.JWKSNoMatchingKey())),
  };
}

/** null: there is no such file. */
function read(path: string): Omit<SigningSecret, 'made'> | null {
  let bytes: Buffer | null;
  let mode: number;
  try {
    bytes = readBounded(path, MAX_SECRET_BYTES);
    mode = statSync(path).mode;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    throw unusable(path, `cannot be read (${errorCode(error)})`);
  }
  if (bytes === null) throw unusable(path, `is longer than a secret can be (${MAX_SECRET_BYTES} bytes)`);
  const secret = Buffer.from(bytes.toString('latin1').replace(/\r?\n$/, ''), 'latin1');
  if (secret.length < MIN_SECRET_BYTES) {
    throw unusable(path, `holds ${secret.length} bytes; expected at least ${MIN_SECRET_BYTES} random ones`);
  }
  const isOpen = (mode & READABLE_BY_OTHERS) !== 0;
  return { secret, warnings: isOpen ? [`${path} can be read by others; make it yours alone: chmod 600 ${path}`] : [] };
}

/**
 * Whoever makes it writes it whole under another name first: of two processes that start together one gives it the real
 * name, and both read that one's, never half of it.
 *
 * @returns false when another was faster
 */
function make(path: string): boolean {
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(draft, `${randomBytes(MIN_SECRET_BYTES).toString('hex')}\n`, {
      flag: 'wx',
      mode: 0o600,
      flush: true,
    });
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw unusable(path, `is not there, and cannot be made (${errorCode(error)})`);
  } finally {
    rmSync(draft, { force: true });
  }
}

function unusable(path: string, message: string): ConfigError {
  return new ConfigError([{ file: path, line: null, column: null, path: 'management.jwt.secret_file', message }]);
}
