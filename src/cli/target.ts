import { statSync } from 'node:fs';
import type { Config } from '../config/config.ts';
import { secretSources } from '../config/secrets.ts';
import { oneLine } from '../observe/log-text.ts';
import type { Args } from './args.ts';
import { keysConfiguration } from './configuration.ts';
import { usageError } from './failure.ts';
import type { Io } from './io.ts';
import { LOCAL_OPTIONS } from './options.ts';

/** What a command works on: a store that it opens itself, or the management API of a gateway. */
export type Target =
  | { readonly kind: 'store'; readonly config: Config }
  | { readonly kind: 'server'; readonly url: URL; readonly token: string };

/** RFC 6750, and whatever else fits into a header without being taken for something else. */
const TOKEN = /^[\w.~+/=-]{1,16384}$/;
/** Bits of a file's mode. */
const READABLE_BY_OTHERS = 0o044;
const LOOPBACK = /^(?:localhost|.+\.localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/**
 * Reads what the options and the environment name. An option says more than the environment: with `--store` or `--config`
 * a server that only the environment names is not asked.
 *
 * @throws CliError `USAGE` for options that contradict each other
 */
export function readTarget(args: Args, io: Io): Target {
  const local = LOCAL_OPTIONS.find((name) => args.has(name));
  const named = args.one('server');
  if (named !== undefined && local !== undefined) {
    throw usageError(`--server and --${local} contradict each other; give one of them`);
  }
  const server = named ?? (local === undefined ? io.environment['LATCHKEY_SERVER'] || undefined : undefined);
  if (server === undefined) return { kind: 'store', config: keysConfiguration(args, io) };
  const what = named === undefined ? 'LATCHKEY_SERVER' : '--server';
  const url = serverUrl(server, what);
  const token = readToken(io);
  if (url.protocol === 'http:' && !LOOPBACK.test(url.hostname)) {
    io.say(`latchkey: warning: ${url.origin} is not encrypted; whoever is on the way can take the token`);
  }
  return { kind: 'server', url, token };
}

function serverUrl(text: string, what: string): URL {
  const expected = 'expected the URL of a management API, like https://latchkey.example.com or http://127.0.0.1:8081';
  // Not repeated where it may hold a password.
  if (!URL.canParse(text)) throw usageError(`${what}: is no URL; ${expected}`);
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') {
    throw usageError(`${what}: has a user or a password; the token belongs in LATCHKEY_TOKEN or a file`);
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw usageError(`${what}: "${text}" does not begin with https:// or http://; ${expected}`);
  }
  if (url.search !== '' || url.hash !== '') throw usageError(`${what}: has a query or a fragment; ${expected}`);
  return url;
}

function readToken(io: Io): string {
  const { environment } = io;
  const file = environment['LATCHKEY_TOKEN_FILE'] || undefined;
  if (environment['LATCHKEY_TOKEN'] && file !== undefined) {
    throw usageError('LATCHKEY_TOKEN and LATCHKEY_TOKEN_FILE contradict each other; set one of them');
  }
  if (!environment['LATCHKEY_TOKEN'] && file === undefined) {
    throw usageError(
      'a management token is needed: set LATCHKEY_TOKEN, or LATCHKEY_TOKEN_FILE to the file that holds it ("latchkey token" makes one)',
    );
  }
  const sources = secretSources(environment);
  const token = file === undefined ? sources.variable('LATCHKEY_TOKEN') : sources.file(file);
  const what = file === undefined ? 'LATCHKEY_TOKEN' : 'LATCHKEY_TOKEN_FILE';
  if (typeof token !== 'string') throw usageError(`${what}: ${token.message}`);
  if (!TOKEN.test(token.trim())) throw usageError(`${what}: what it holds is no token`);
  if (file !== undefined && canOthersRead(file)) {
    io.say(oneLine(`latchkey: warning: ${file} can be read by others; make it yours alone: chmod 600 ${file}`));
  }
  return token.trim();
}

/** Of a file alone: what a pipe holds is gone when it was read. */
function canOthersRead(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat?.isFile() === true && (stat.mode & READABLE_BY_OTHERS) !== 0;
}
