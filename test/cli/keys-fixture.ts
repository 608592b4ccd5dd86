import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KeyView } from '../../src/keys/view.ts';
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

/** The keys commands on a store of a test's own. */
export interface Keys {
  readonly config: string;
  run(...args: string[]): Promise<Result>;
  /** Runs with --json, expects success, and gives the answer. */
  json<T = KeyView & { secret: string }>(...args: string[]): Promise<T>;
  /** Every key that there is, newest first. */
  all(): Promise<KeyView[]>;
}

/** @param storeUrl SQLite in a folder of the test's own when absent */
export function keysIn(t: { teardown(handler: () => void): void }, storeUrl?: string): Keys {
  const path = folder(t);
  const config = join(path, 'latchkey.yaml');
  writeFileSync(config, configText(storeUrl ?? `sqlite:${join(path, 'keys.db')}`));
  const run = (...args: string[]): Promise<Result> => cli(['keys', ...args, '--config', config]);
  const json = async <T>(...args: string[]): Promise<T> => {
    const { code, stdout, stderr } = await run(...args, '--json');
    if (code !== 0 || stderr !== '') throw new Error(`exit code ${code}: ${stderr}`);
    return JSON.parse(stdout) as T;
  };
  return { config, run, json, all: async () => (await json<{ keys: KeyView[] }>('list')).keys };
}
