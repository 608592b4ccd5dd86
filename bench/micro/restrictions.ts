/**
 * What the arithmetic of restrictions costs: an address that was never seen against a key's blocks, by how many there
 * are, beside Node's own net.BlockList; loading ten thousand blocks; and wall-clock time in a zone. Medians of several
 * rounds.
 *
 *   node bench/micro/restrictions.ts
 */
import { randomInt } from 'node:crypto';
import { BlockList } from 'node:net';
import { type AddressBlock, parseBlock } from '../../src/core/address.ts';
import { AddressSet } from '../../src/core/address-set.ts';
import { nextOpening } from '../../src/restrictions/openings.ts';
import { openSpans } from '../../src/restrictions/windows.ts';
import { wallClock } from '../../src/restrictions/zone.ts';

const ROUNDS = 9;
const LOOKUPS = 20_000;
const SIZES = [3, 100, 10_000];
const MINUTE = 60_000;
const YEAR = 365 * 24 * 60 * MINUTE;
const NOW = Date.UTC(2026, 10, 23, 12);

type Family = 4 | 6;

/** Some address. Those inside and those outside lie between one another, and no block reaches from one to the next. */
function addressOf(family: Family, isInside: boolean): string {
  const parity = isInside ? 0 : 1;
  if (family === 4) {
    const octets = Array.from({ length: 3 }, () => randomInt(256));
    return [randomInt(1, 100) * 2 + parity, ...octets].join('.');
  }
  const groups = Array.from({ length: 6 }, () => randomInt(1, 0x10000).toString(16));
  return ['2a00', (randomInt(1, 0x8000) * 2 + parity).toString(16), ...groups].join(':');
}

/** Blocks of both families in turn. */
function blocksOf(count: number): string[] {
  return Array.from({ length: count }, (_, i) =>
    i % 2 === 0 ? `${addressOf(4, true)}/${randomInt(20, 33)}` : `${addressOf(6, true)}/${randomInt(32, 65)}`,
  );
}

function setOf(blocks: readonly string[]): AddressSet {
  return new AddressSet(blocks.map(parseBlock).filter((block): block is AddressBlock => block !== null));
}

/** Addresses that were never asked for; hits are the blocks' own. */
function addressesOf(family: Family, isHit: boolean, blocks: readonly string[], count: number): string[] {
  if (!isHit) return Array.from({ length: count }, () => addressOf(family, false));
  const mine = blocks.filter((block) => block.includes(':') === (family === 6));
  return Array.from({ length: count }, () => {
    const [base = ''] = (mine[randomInt(mine.length)] ?? '').split('/');
    // Below the longest prefix of the IPv6 blocks; of the IPv4 ones the address itself.
    return family === 4 ? base : base.replace(/[^:]*$/, randomInt(1, 0x10000).toString(16));
  });
}

/** Median microseconds of one call; each round has inputs of its own. */
function median<T>(inputs: () => readonly T[], ask: (input: T) => unknown): number {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const given = inputs();
    const start = process.hrtime.bigint();
    for (const input of given) ask(input);
    times.push(Number(process.hrtime.bigint() - start) / 1_000 / given.length);
  }
  return times.sort((a, b) => a - b)[ROUNDS >> 1] ?? Number.NaN;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const lines = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
  process.stdout.write(`${lines.join('\n')}\n\n`);
}

function lookups(family: Family, isHit: boolean): string[] {
  const ours: number[] = [];
  const nodes: number[] = [];
  for (const size of SIZES) {
    const blocks = blocksOf(size);
    const set = setOf(blocks);
    const list = new BlockList();
    for (const block of blocks) {
      const [base = '', prefix] = block.split('/');
      list.addSubnet(base, Number(prefix), base.includes(':') ? 'ipv6' : 'ipv4');
    }
    const ask = (text: string): void => {
      if (set.hasText(text) !== isHit) throw new Error(`expected ${text} to be ${isHit ? 'in' : 'out'}`);
    };
    ours.push(median(() => addressesOf(family, isHit, blocks, LOOKUPS), ask));
    const askNode = (text: string): boolean => list.check(text, `ipv${family}`);
    nodes.push(median(() => addressesOf(family, isHit, blocks, LOOKUPS), askNode));
  }
  const [least = Number.NaN] = ours;
  const cells = ours.map((us, i) => (i === 0 ? us.toFixed(2) : `${us.toFixed(2)} (${(us / least).toFixed(1)})`));
  return [`IPv${family}, ${isHit ? 'hit' : 'miss'}`, ...cells, (nodes.at(-1) ?? Number.NaN).toFixed(2)];
}

function loading(): string[][] {
  const texts = () => [blocksOf(10_000)];
  const parsed = () => texts().map((each) => each.map(parseBlock).filter((block) => block !== null));
  const milliseconds = (us: number): string => (us / 1_000).toFixed(1);
  return [
    ['reading 10,000 blocks', milliseconds(median(texts, (each) => each.map(parseBlock)))],
    ['making the set of them', milliseconds(median(parsed, (each) => new AddressSet(each)))],
  ];
}

function times(): string[][] {
  const clock = wallClock('Europe/Amsterdam');
  if (clock === null) throw new Error('no such zone');
  const spans = (hours: string[], days: string[]): Uint16Array =>
    openSpans({ timezone: 'Europe/Amsterdam', allowed_hours: hours, allowed_days: days });
  const weekdays = spans(['09:00-17:00'], ['monday', 'tuesday', 'wednesday', 'thursday', 'friday']);
  const rare = spans(['02:15-02:16'], ['sunday']);
  const requests = Array.from({ length: LOOKUPS }, (_, i) => NOW + i * 10);
  const evenings = requests.map((at) => at + 8 * 60 * MINUTE);
  // Each in another year, so that nothing of it is remembered; the clocks change in the first week of the search.
  const apart = Array.from({ length: 50 }, (_, i) => Date.UTC(1981 + i, 2, 24));
  const forget = (): readonly number[] => {
    for (let i = 0; i < 64; i++) clock.stretchAt((NOW + YEAR * 20 + i * 8 * 24 * 60 * MINUTE) / MINUTE);
    return apart;
  };
  const rows: [string, number][] = [
    [
      'what the clock on the wall shows',
      median(
        () => requests,
        (at) => clock.minutesAt(at),
      ),
    ],
    [
      'when working hours begin again',
      median(
        () => evenings,
        (at) => nextOpening(weekdays, clock, at),
      ),
    ],
    ['the same, of a zone not asked about before', median(forget, (at) => nextOpening(weekdays, clock, at))],
    [
      'one minute a week, not asked before, clocks changed meanwhile',
      median(forget, (at) => nextOpening(rare, clock, at)),
    ],
  ];
  return rows.map(([what, us]) => [what, us.toFixed(us < 1 ? 3 : 1)]);
}

const rows = ([4, 6] as const).flatMap((family) => [true, false].map((isHit) => [family, isHit] as const));
for (const [family, isHit] of rows) lookups(family, isHit); // What the first pass measures is the compiler.
table(
  ['address not seen before, µs', ...SIZES.map((size) => `${size} blocks`), 'net.BlockList, 10000 blocks'],
  rows.map(([family, isHit]) => lookups(family, isHit)),
);
table(['loading a key', 'ms'], loading());
times();
table(['Europe/Amsterdam', 'µs'], times());
