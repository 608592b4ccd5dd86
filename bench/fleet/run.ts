/**
 * What several gateways that share a store do together: how often they ask it, how much they admit, how fast a revocation
 * is everywhere, how they come back from an outage, and what a limit is worth when some of them are killed. The fleet, the
 * load and the store are processes of this one machine.
 *
 *   npm run bench:fleet                               both stores, all parts but `crash`
 *   npm run bench:fleet -- redis revocation           one of them, one part
 *   npm run bench:fleet -- sqlite crash --rounds 50   what becomes of limits, some four seconds a round
 *   options: --gateways 4 --seconds 5 --rounds 10
 */
import { availableParallelism, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { loadToolVersion } from '../gateway/load.ts';
import { measureAdmissions } from './admissions.ts';
import { measureCrashes } from './crash.ts';
import { type Measurement, table } from './figures.ts';
import { type Fleet, withFleet } from './fleet.ts';
import { measureRecovery } from './recovery.ts';
import { measureRevocation } from './revocation.ts';
import { measureRoundTrips } from './round-trips.ts';
import type { StoreName } from './stores.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    gateways: { type: 'string', default: '4' },
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '10' },
  },
});
const [gateways, seconds, rounds] = [values.gateways, values.seconds, values.rounds].map(whole) as [
  number,
  number,
  number,
];

interface Part {
  readonly title: string;
  readonly measure: (fleet: Fleet) => Promise<Measurement>;
}

const STORES: readonly StoreName[] = ['Redis', 'SQLite'];
const PARTS: Readonly<Record<string, Part>> = {
  'round-trips': {
    title: 'Questions for each request',
    measure: (fleet) => measureRoundTrips(fleet, seconds),
  },
  revocation: { title: 'Revocation', measure: measureRevocation },
  admissions: { title: 'Admissions', measure: (fleet) => measureAdmissions(fleet, seconds) },
  recovery: { title: 'Outages of the store', measure: measureRecovery },
};
const CRASH = 'crash';

const known = [...STORES.map((name) => name.toLowerCase()), ...Object.keys(PARTS), CRASH];
const strange = positionals.filter((word) => !known.includes(word));
if (strange.length > 0) fail(`${strange.join(' ')}: expected any of ${known.join(', ')}`);

function chosen<T extends string>(names: readonly T[]): readonly T[] {
  const named = names.filter((name) => positionals.includes(name.toLowerCase()));
  return named.length === 0 ? names : named;
}

function whole(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) fail(`${text}: expected a whole number from 1`);
  return value;
}

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}

function load(): string {
  return loadavg()
    .map((value) => value.toFixed(1))
    .join(' ');
}

const stores = chosen(STORES);
const wantsCrash = positionals.includes(CRASH);
const parts = wantsCrash ? Object.keys(PARTS).filter((part) => positionals.includes(part)) : chosen(Object.keys(PARTS));
const measured = new Map<string, (Measurement & { readonly store: string })[]>();

function add(title: string, store: string, measurement: Measurement): void {
  measured.set(title, [...(measured.get(title) ?? []), { store, ...measurement }]);
  process.stderr.write(`${store}: ${title}, load ${load()}\n`);
}

const before = load();
for (const store of stores) {
  if (parts.length > 0) {
    await withFleet(store, gateways, async (fleet) => {
      for (const part of parts) {
        const { title, measure } = PARTS[part] as Part;
        add(title, store, await measure(fleet));
      }
    });
  }
  if (wantsCrash) add('Gateways that are killed', store, await measureCrashes(store, rounds));
}
const machine = `${availableParallelism()} cores, load ${before} before and ${load()} after`;
process.stdout.write(
  `${gateways} gateways, ${seconds} s each, ${machine}, ${loadToolVersion()}, Node ${process.version}\n\n`,
);
process.stdout.write([...measured].map(([title, each]) => table(title, each)).join('\n'));
