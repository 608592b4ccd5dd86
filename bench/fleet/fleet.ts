import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newSecret } from '../../src/keys/secret.ts';
import { cli } from '../../test/cli/run.ts';
import { ANYWHERE, type Serving, serve } from '../../test/cli/serving.ts';
import { scrape } from '../../test/e2e/fleet.ts';
import { startPinned } from '../gateway/process.ts';
import { type FleetStore, openFleetStore, type StoreName } from './stores.ts';

/** Keys that load is spread over. */
const KEYS = 10_000;
/** Keys that nobody has used yet. */
const SPARE_KEYS = 1_000;
/** Core of what is only there to help, and of the API. */
const HELPER_CORE = 1;
/** What every request asks for. */
export const PATH = '/api/domains/42';

/** A key and the secret that opens it. */
export interface Issued {
  readonly id: string;
  readonly secret: string;
}

/** Gateways that share a store, each a process of its own, with an API behind them. */
export interface Fleet {
  readonly store: FleetStore;
  readonly gateways: readonly Serving[];
  /** For files of this run; gone when it ends. */
  readonly folder: string;
  /** A management token that may do anything. */
  readonly token: string;
  /** Keys that load is spread over. */
  readonly keys: readonly Issued[];
  /** A key that nobody has used yet. */
  unused(): Issued;
}

/** What all gateways of a fleet count. */
export interface Counts {
  /** Requests that were let in and answered. */
  readonly admitted: number;
  /** Questions to the store for admissions. */
  readonly questions: number;
  /** Admissions that a gateway decided alone, because the store did not answer in time. */
  readonly alone: number;
}

/** Starts a fleet, does the work with it, and ends it. */
export async function withFleet(
  storeName: StoreName,
  size: number,
  work: (fleet: Fleet) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-fleet-'));
  const cleanUps: (() => Promise<void>)[] = [async () => rmSync(folder, { recursive: true, force: true })];
  try {
    const store = await openFleetStore(storeName, folder);
    cleanUps.push(() => store.stop());
    const upstream = startPinned(HELPER_CORE, process.execPath, [gatewayScript('upstream.ts')]);
    cleanUps.push(() => upstream.stop());
    const [, port] = await upstream.waitFor(/^ready (\d+)$/);
    const file = join(folder, 'latchkey.yaml');
    writeFileSync(file, configuration(store.url, Number(port), folder));
    const keys = await seed(file, folder);
    const token = await cli(['token', '--subject', 'bench', '--permission', '*', '--config', file]);
    if (token.code !== 0) throw new Error(`no token: ${token.stderr}`);
    const life = { teardown: (end: () => Promise<void>): void => void cleanUps.push(end) };
    const gateways = await Promise.all(
      Array.from({ length: size }, () => serve(life, ['--config', file, ...ANYWHERE], { cwd: folder })),
    );
    let used = KEYS;
    const unused = (): Issued => {
      const key = keys[used++];
      if (key === undefined) throw new Error(`all ${SPARE_KEYS} spare keys are used`);
      return key;
    };
    await work({ store, gateways, folder, token: token.stdout.trim(), keys: keys.slice(0, KEYS), unused });
  } finally {
    for (const cleanUp of cleanUps.toReversed()) await cleanUp();
  }
}

async function countsOf({ gateways }: Fleet): Promise<Counts> {
  const scrapes = await Promise.all(gateways.map(scrape));
  const sum = (of: (name: string) => boolean): number =>
    scrapes
      .flatMap((samples) => [...samples])
      .filter(([name]) => of(name))
      .reduce((total, [, value]) => total + value, 0);
  return {
    admitted: sum((name) => name.startsWith('latchkey_http_requests_total{') && name.includes('code="200"')),
    questions: sum((name) => name === 'latchkey_limit_questions_total'),
    alone: sum((name) => name === 'latchkey_limit_fallback_total'),
  };
}

/** What is counted while something is done. */
export async function countedDuring<T>(fleet: Fleet, work: () => Promise<T>): Promise<[Counts, T]> {
  const before = await countsOf(fleet);
  const result = await work();
  const after = await countsOf(fleet);
  const counted = {
    admitted: after.admitted - before.admitted,
    questions: after.questions - before.questions,
    alone: after.alone - before.alone,
  };
  return [counted, result];
}

/** Puts the keys into the store. */
async function seed(file: string, folder: string): Promise<Issued[]> {
  const keys = Array.from({ length: KEYS + SPARE_KEYS }, (_, i) => ({ id: `key_bench${i}`, secret: newSecret('lk') }));
  const secretsFile = join(folder, 'seed.txt');
  writeFileSync(secretsFile, keys.map(({ secret }) => secret).join('\n'));
  const seeding = startPinned(HELPER_CORE, process.execPath, [gatewayScript('seed.ts'), file, secretsFile]);
  await seeding.waitFor(/^seeded$/);
  await seeding.stop();
  return keys;
}

function gatewayScript(name: string): string {
  return new URL(`../gateway/${name}`, import.meta.url).pathname;
}

/** As one would run it, but for limits that are counted and not met, and for addresses that may fail often. */
function configuration(store: string, upstreamPort: number, folder: string): string {
  return `
management: { jwt: { secret_file: ${JSON.stringify(join(folder, 'management.secret'))} } }
store: ${store}
upstreams: [{ url: http://127.0.0.1:${upstreamPort} }]
access: { permissions: { domains:read: [GET /api/domains/*], devices:read: [GET /api/devices/*] } }
tiers:
  bench: { per_hour: 1000000000, per_day: 1000000000, burst: 1000000 }
key_types:
  service: { tier: bench, default_expiry: 90d }
failures: { burst: 1000000, per_minute: 1000000 }
log: { requests: false, level: warn }
`;
}
