import { closeSync, openSync, readSync } from 'node:fs';
import type { Environment } from './environment.ts';
import { Invalid } from './fields.ts';

/** Where secrets that are not in the configuration file come from. */
export interface SecretSources {
  /** What a file holds, without the line break at its end. */
  file(path: string): string | Invalid;
  /** An environment variable. */
  variable(name: string): string | Invalid;
}

/** Secrets are short; whatever is longer is the wrong file. */
const MAX_SECRET_BYTES = 64 * 1024;

/** Relative paths are looked up from the working directory, like every path in the configuration. */
export function secretSources(environment: Environment): SecretSources {
  return {
    file: readSecret,
    variable: (name) => environment[name] || new Invalid(`the environment variable ${name} is not set`),
  };
}

/** For schemas that only describe settings and never read any. */
export const noSecrets: SecretSources = {
  file: () => new Invalid('secrets are not read here'),
  variable: () => new Invalid('secrets are not read here'),
};

function readSecret(path: string): string | Invalid {
  let bytes: Buffer | null;
  try {
    bytes = readBounded(path, MAX_SECRET_BYTES);
  } catch (error) {
    return new Invalid(`${JSON.stringify(path)} cannot be read (${errorCode(error)})`);
  }
  if (bytes === null) return new Invalid(`${JSON.stringify(path)} is longer than a secret can be (64KiB)`);
  const secret = bytes.toString('utf8').replace(/\r?\n$/, '');
  return secret === '' ? new Invalid(`${JSON.stringify(path)} is empty`) : secret;
}

/**
 * Reads a file, or anything else that can be read to an end, like a pipe.
 *
 * @param limit bytes
 * @returns null when there is more than `limit`
 * @throws the file system's error
 */
export function readBounded(path: string, limit: number): Buffer | null {
  const descriptor = openSync(path, 'r');
  try {
    const bytes = Buffer.allocUnsafe(limit + 1);
    let length = 0;
    for (;;) {
      const read = readSync(descriptor, bytes, length, bytes.length - length, null);
      length += read;
      if (length > limit) return null;
      if (read === 0) return Buffer.from(bytes.subarray(0, length));
    }
  } finally {
    closeSync(descriptor);
  }
}

/** `ENOENT`, `EACCES`, … */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown error';
}
