/** Plain requests and plain answers: what nearly all traffic is. */
import t from 'tap';
import { plainAnswer } from './answers.ts';
import { CASES, caseOf, compareFronts, TIMEOUT_MS } from './harness.ts';
import { plainRequest } from './requests.ts';

t.setTimeout(TIMEOUT_MS);

t.test('plain requests', async (t) => {
  const tally = await compareFronts(t, caseOf(plainRequest, plainAnswer), CASES / 5);
  t.ok(tally.plain > tally.cases, 'plain requests were sent');
  t.ok(tally.relayed > tally.cases, 'most were relayed');
  t.ok(tally.kept > tally.cases / 2, 'most connections went on');
  t.strictSame(tally.lacks('key_missing', 'key_not_found', 'key_expired', 'key_disabled', 'key_revoked'), []);
  t.strictSame(tally.lacks('permission_denied', 'route_not_found', 'rate_limited', 'key_store_unavailable'), []);
  t.ok(tally.servedFast > tally.plain / 2, 'the reader of plain requests dealt with most');
});
