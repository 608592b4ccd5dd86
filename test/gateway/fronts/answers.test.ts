/** Upstreams that answer in odd ways, or lie, break off, and reset. */

import fc from 'fast-check';
import t from 'tap';
import { brokenAnswer, oddAnswer, plainAnswer } from './answers.ts';
import { CASES, caseOf, compareFronts, TIMEOUT_MS } from './harness.ts';
import { plainRequest } from './requests.ts';

t.setTimeout(TIMEOUT_MS);

t.test('odd and broken answers', async (t) => {
  const tally = await compareFronts(
    t,
    caseOf(plainRequest, fc.oneof(plainAnswer, oddAnswer, { weight: 2, arbitrary: brokenAnswer })),
    CASES / 5,
  );
  t.ok(tally.upstreamFailures > tally.cases / 4, 'many upstreams failed');
  t.ok(tally.cut > tally.cases / 20, 'many answers were cut');
  t.ok(tally.relayed > tally.cases / 2, 'many were relayed');
  t.strictSame(tally.lacks('upstream_invalid', 'upstream_unreachable'), []);
});
