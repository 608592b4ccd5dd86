/** Requests and answers that come in two pieces, cut at every byte there is, and byte by byte. */
import fc from 'fast-check';
import t from 'tap';
import { SEED } from '../../support/random.ts';
import { oddAnswer, plainAnswer } from './answers.ts';
import { cutAt, type FrontCase } from './case.ts';
import { CASES, caseOf, compareEach, TIMEOUT_MS } from './harness.ts';
import { hostileRequest } from './hostile.ts';
import { oddRequest, plainRequest } from './requests.ts';

t.setTimeout(TIMEOUT_MS);

/** A longer text is not cut everywhere. */
const LONGEST = 400;

const kinds = [plainRequest, oddRequest, hostileRequest].map((kind) =>
  caseOf(fc.oneof({ weight: 3, arbitrary: kind }, plainRequest), fc.oneof(plainAnswer, oddAnswer)),
);

/** Whole cases without an end, of each kind in turn, the same in every run. */
function* whole(): Generator<FrontCase> {
  for (let i = 0; ; i++) {
    const samples = kinds.map((cases) => fc.sample(cases, { seed: SEED + i, numRuns: 50 }));
    for (let j = 0; j < 50; j++) for (const sample of samples) yield sample[j] as FrontCase;
  }
}

function every(length: number): number[] {
  return Array.from({ length }, (_, i) => i);
}

/** Case by case, with what the client writes at once cut at each byte, then at all of them. */
function* sentInPieces(): Generator<FrontCase> {
  for (const { pipelined, ...rest } of whole()) {
    const of = { ...rest, pipelined, requests: pipelined ? rest.requests : rest.requests.slice(0, 1) };
    const length = of.requests.reduce((sum, { text, heldBack }) => sum + text.length - heldBack, 0);
    if (length > LONGEST) continue;
    // Rounded up, so that rounding down what is made of it gives the place back.
    const cuts = every(length).map((place) => Math.ceil((place * 10_000) / length));
    for (const cut of cuts) yield { ...of, cuts: [cut] };
    yield { ...of, cuts };
  }
}

/** Case by case, with the upstream's answer to the first request cut so. */
function* answeredInPieces(): Generator<FrontCase> {
  for (const of of whole()) {
    const request = of.requests[0] as FrontCase['requests'][number];
    const text = request.answer.pieces.join('');
    if (text.length > LONGEST || request.text.length > 10 * LONGEST) continue;
    const cut = (places: readonly number[]): FrontCase => {
      const answer = { ...request.answer, pieces: cutAt(text, places) };
      return { ...of, pipelined: false, requests: [{ ...request, answer }] };
    };
    for (const place of every(text.length)) yield cut([place]);
    yield cut(every(text.length));
  }
}

t.test('requests in pieces', async (t) => {
  const tally = await compareEach(t, sentInPieces(), CASES / 10);
  t.ok(tally.relayed > tally.cases / 4, 'many were relayed');
});

t.test('answers in pieces', async (t) => {
  const tally = await compareEach(t, answeredInPieces(), CASES / 10);
  t.ok(tally.relayed > tally.cases / 4, 'many were relayed');
});
