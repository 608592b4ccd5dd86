/** Runs cases through two gateways that differ in their front alone, and compares all that can be seen of them. */
import fc from 'fast-check';
import type { Test } from 'tap';
import { SEED } from '../../support/random.ts';
import { type AnswerDraft, answerOf } from './answers.ts';
import { type FrontCase, INDEX_HEADER } from './case.ts';
import { differences } from './differences.ts';
import { type Seen, seenOf } from './outcome.ts';
import type { RequestDraft } from './requests.ts';
import { Side } from './side.ts';
import { Tally } from './tally.ts';

/** Cases of all files together; a long run raises it. */
export const CASES = casesFrom(process.env['LATCHKEY_FUZZ_CASES']);
/** For a whole file, in milliseconds: as long as a timer can, since a long run takes hours. */
export const TIMEOUT_MS = 2 ** 31 - 1;
/** Pairs of gateways that work side by side. */
const LANES = 4;
/** Cases that are tried to make a difference small: where a side waits in vain, each takes seconds. */
const SHRINKS = 200;
/** How often, and how much more patiently each time, a case is looked at before it counts as a difference. */
const PATIENCE = [1, 4, 16] as const;

function casesFrom(text: string | undefined): number {
  if (text === undefined || text === '') return 10_000;
  const cases = Number(text);
  if (Number.isInteger(cases) && cases > 0) return cases;
  throw new Error(`LATCHKEY_FUZZ_CASES: expected a whole number above 0, got ${JSON.stringify(text)}`);
}

/** A request with the answer that it gets. */
type Pair = readonly [RequestDraft, AnswerDraft];

function assembled([request, answer]: Pair, index: number, pipelined: boolean): FrontCase['requests'][number] {
  const text = request.text.replace(`${INDEX_HEADER}: ?`, `${INDEX_HEADER}: ${index}`);
  const made = answerOf(answer, text.slice(0, text.indexOf(' ')));
  const { kind, leaves, bodyLength } = request;
  // A body that comes in chunks is left out: its first piece may be no byte of it, and then no upstream hears of it.
  const early = made.early && !pipelined && bodyLength !== 1 && !/^transfer-encoding/im.test(text);
  // What the upstream answers early, it answers before the client has sent everything: otherwise chance would have it.
  const heldBack = request.waitsForContinue ? bodyLength : early ? Math.floor(bodyLength / 2) : 0;
  return {
    kind,
    text,
    heldBack: pipelined ? 0 : heldBack,
    leaves,
    answer: { ...made, early: early && !request.waitsForContinue },
  };
}

/** @param requests what is sent @param answers what comes back */
export function caseOf(
  requests: fc.Arbitrary<RequestDraft>,
  answers: fc.Arbitrary<AnswerDraft>,
): fc.Arbitrary<FrontCase> {
  return fc
    .record({
      from: fc.constantFrom<FrontCase['from']>('127.0.0.1', '127.0.0.1', '127.0.0.2'),
      pipelined: fc.constantFrom(false, false, true),
      pairs: fc.array(fc.tuple(requests, answers), { minLength: 1, maxLength: 4 }),
      cuts: fc.oneof(
        { weight: 2, arbitrary: fc.constant([]) },
        { weight: 1, arbitrary: fc.array(fc.integer({ min: 0, max: 9999 }), { maxLength: 6 }) },
      ),
    })
    .map(({ from, pipelined, pairs, cuts }) => {
      // node:http takes its hands off a connection on which CONNECT comes, and a long answer before it stays where it is.
      const isPipelined = pipelined && pairs.length > 1 && !pairs.some(([{ text }]) => text.includes('CONNECT '));
      return { from, pipelined: isPipelined, cuts, requests: pairs.map((pair, i) => assembled(pair, i, isPipelined)) };
    });
}

/** What all lanes of a run share. */
interface Run {
  readonly tally: Tally;
  /** Cases that may still be tried to make the difference small. */
  shrinks: number;
  /** The lane that has found a difference; null: none has. The others leave it to make that small. */
  finder: Lane | null;
}

/** Two gateways, one of each kind. */
class Lane {
  readonly auto = new Side('auto');
  readonly node = new Side('node');

  async open(): Promise<void> {
    await Promise.all([this.auto.open(), this.node.open()]);
  }

  async close(): Promise<void> {
    await Promise.all([this.auto.close(), this.node.close()]);
  }

  /** @throws with the differences, if there are any */
  async check(next: FrontCase, run: Run): Promise<void> {
    const { tally, finder } = run;
    if (finder !== null && (finder !== this || run.shrinks-- <= 0)) return;
    let found: string[] = [];
    for (const patience of finder === null ? PATIENCE : [1]) {
      const [auto, node] = await Promise.all([this.auto.run(next, patience), this.node.run(next, patience)]);
      const seen: Seen = seenOf(node);
      tally.count(next, seen);
      found = differences(next, seenOf(auto), seen);
      if (found.length === 0) return;
      tally.lookedAgain++;
    }
    run.finder ??= this;
    throw new Error(`The fronts differ in ${found.join('\nand in ')}`);
  }
}

async function openLanes(t: Test): Promise<readonly Lane[]> {
  const lanes = Array.from({ length: LANES }, () => new Lane());
  t.teardown(async () => {
    await Promise.all(lanes.map((lane) => lane.close()));
  });
  await Promise.all(lanes.map((lane) => lane.open()));
  return lanes;
}

/**
 * Holds that both fronts do the same in so many cases. A failure says of which they do not, in its smallest form.
 * @returns what the cases were like
 */
export async function compareFronts(t: Test, cases: fc.Arbitrary<FrontCase>, count: number): Promise<Tally> {
  const run: Run = { tally: new Tally(), finder: null, shrinks: SHRINKS };
  const lanes = await openLanes(t);
  await Promise.all(
    lanes.map((lane, i) =>
      fc.assert(
        fc.asyncProperty(cases, (next) => lane.check(next, run)),
        { seed: SEED + i, numRuns: Math.ceil(count / LANES) },
      ),
    ),
  );
  return finished(t, lanes, run.tally);
}

/** Holds the same of the first of these cases, as many as are asked for. */
export async function compareEach(t: Test, cases: Iterator<FrontCase>, count: number): Promise<Tally> {
  const run: Run = { tally: new Tally(), finder: null, shrinks: SHRINKS };
  const lanes = await openLanes(t);
  let left = count;
  const work = async (lane: Lane): Promise<void> => {
    for (let next = cases.next(); left-- > 0 && next.done !== true; next = cases.next()) {
      await lane.check(next.value, run).catch((error: unknown) => {
        throw new Error(`In ${JSON.stringify(next.value)}`, { cause: error });
      });
    }
  };
  await Promise.all(lanes.map(work));
  return finished(t, lanes, run.tally);
}

/** A run that had to look again at many of its cases would hide what chance decides. */
function finished(t: Test, lanes: readonly Lane[], tally: Tally): Tally {
  for (const { auto } of lanes) tally.servedFast += auto.servedFast;
  t.comment(tally.toString());
  t.ok(tally.lookedAgain <= tally.cases / 50, `${tally.lookedAgain} cases had to be looked at again`);
  return tally;
}
