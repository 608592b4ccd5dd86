/** Requests that are legal and not what a strict reader is there for, among those that are. */

import fc from 'fast-check';
import t from 'tap';
import { oddAnswer, plainAnswer } from './answers.ts';
import { CASES, caseOf, compareFronts, TIMEOUT_MS } from './harness.ts';
import { oddRequest, plainRequest } from './requests.ts';

t.setTimeout(TIMEOUT_MS);

t.test('odd requests', async (t) => {
  const tally = await compareFronts(
    t,
    caseOf(fc.oneof({ weight: 2, arbitrary: oddRequest }, plainRequest), fc.oneof(plainAnswer, oddAnswer)),
    CASES / 5,
  );
  t.ok(tally.relayed > tally.cases / 4, 'many were relayed');
  t.ok(tally.kept > tally.cases / 10, 'many connections went on');
  t.strictSame(tally.lacks('request_rejected', 'permission_denied', 'headers_too_large', 'upstream_invalid'), []);
});
