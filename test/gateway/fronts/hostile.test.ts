/** Requests that parsers disagree about, and clients that leave, behind and before those that are well. */

import fc from 'fast-check';
import t from 'tap';
import { plainAnswer } from './answers.ts';
import { CASES, caseOf, compareFronts, TIMEOUT_MS } from './harness.ts';
import { hostileRequest } from './hostile.ts';
import { plainRequest } from './requests.ts';

t.setTimeout(TIMEOUT_MS);

t.test('hostile requests', async (t) => {
  const tally = await compareFronts(t, caseOf(fc.oneof(hostileRequest, plainRequest), plainAnswer), CASES / 5);
  t.ok(tally.denied > tally.cases / 4, 'many were denied');
  t.ok(tally.relayed > tally.cases / 4, 'many were relayed');
  t.strictSame(tally.lacks('request_rejected', 'headers_too_large', 'uri_too_long', 'body_too_large'), []);
});
