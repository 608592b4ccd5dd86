import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Io } from '../../src/cli/io.ts';
import type { Environment } from '../../src/config/environment.ts';
import type { KeyAnswer, KeyIssued, KeyList } from '../../src/management/schemas/key.ts';
import { cli, folder, type Result } from './run.ts';

/** A configuration with permissions, presets and types to choose from. */
export function configText(store: string): string {
  return `
upstreams: [{ url: "http://127.0.0.1:9000" }]
store: ${JSON.stringify(store)}
access:
  permissions:
    domains:read: [GET /api/domains/*]
    domains:write: [POST /api/domains]
    devices:read: [GET /api/devices/*]
presets: { read_only: [domains:read, devices:read] }
tiers:
  small: { per_hour: 10, per_day: 100, burst: 5 }
  large: { per_hour: 1000, per_day: 10000, burst: 500 }
key_types:
  personal: { tier: small, default_expiry: 30d }
  service: { tier: large, default_expiry: never, rotation_due: 365d }
`;
}

/** The commands on a store of a test's own. */
export interface Keys {
  readonly config: string;
  /** Runs one of the keys commands. */
  run(...args: string[]): Promise<Result>;
  /** The same where something of the world around it is another. */
  as(world: Partial<Io>, ...args: string[]): Promise<Result>;
  /** Runs with --json, expects success, and gives the answer. */
  json<T = KeyIssued>(...args: string[]): Promise<T>;
  /** Runs any command, expects success, and gives what it says on standard output. */
  ok(...args: string[]): Promise<string>;
  /** Every key that there is, newest first. */
  all(): Promise<KeyAnswer[]>;
}

/**
 * @param storeUrl SQLite in a folder of the test's own when absent
 * @param more further sections of the configuration
 */
export function keysIn(
  t: { teardown(handler: () => void): void },
  storeUrl?: string,
  more = '',
  environment: Environment = {},
): Keys {
  const path = folder(t);
  const config = join(path, 'latchkey.yaml');
  writeFileSync(config, `${configText(storeUrl ?? `sqlite:${join(path, 'keys.db')}`)}${more}`);
  const as = (world: Partial<Io>, ...args: string[]): Promise<Result> =>
    cli(['keys', ...args, '--config', config], environment, world);
  const run = (...args: string[]): Promise<Result> => as({}, ...args);
  const json = async <T>(...args: string[]): Promise<T> => {
    const { code, stdout, stderr } = await run(...args, '--json');
    if (code !== 0 || stderr !== '') throw new Error(`exit code ${code}: ${stderr}`);
    return JSON.parse(stdout) as T;
  };
  const ok = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await cli([...args, '--config', config], environment);
    if (code !== 0) throw new Error(`latchkey ${args.join(' ')} ended with ${code}: ${stderr}`);
    return stdout;
  };
  return { config, run, as, json, ok, all: async () => (await json<KeyList>('list')).keys };
}
