import type { Test } from 'tap';
import { checkAdmissions } from './admissions.ts';
import { checkArithmetic } from './arithmetic.ts';
import { checkAudit } from './audit.ts';
import { checkChanges } from './changes.ts';
import { checkClaims } from './claims.ts';
import { checkGateways } from './gateways.ts';
import type { Harness } from './harness.ts';
import { checkKeys } from './keys.ts';
import { checkLarge } from './large.ts';
import { checkListing } from './listing.ts';
import { checkPeeks } from './peeks.ts';
import { checkProcesses } from './processes.ts';
import { checkRequestLog } from './request-log.ts';
import { checkRequestSearch } from './request-search.ts';
import { checkRoles } from './roles.ts';
import { checkUsage } from './usage.ts';
import { checkWatch } from './watch.ts';

/** Everything that every store must do; `src/core/ports.ts` says so in words. */
export async function checkStore(t: Test, harness: Harness): Promise<void> {
  // First: it compares with what a store holds that was empty.
  await t.test('listing', (t) => checkListing(t, harness));
  await t.test('large ones', (t) => checkLarge(t, harness));
  await t.test('keys', (t) => checkKeys(t, harness));
  await t.test('roles', (t) => checkRoles(t, harness));
  await t.test('claims', (t) => checkClaims(t, harness));
  await t.test('audit', (t) => checkAudit(t, harness));
  await t.test('changes', (t) => checkChanges(t, harness));
  await t.test('watch', (t) => checkWatch(t, harness));
  await t.test('gateways', (t) => checkGateways(t, harness));
  await t.test('usage', (t) => checkUsage(t, harness));
  await t.test('requests', (t) => checkRequestLog(t, harness));
  await t.test('searches', (t) => checkRequestSearch(t, harness));
  await t.test('admissions', (t) => checkAdmissions(t, harness));
  await t.test('peeks', (t) => checkPeeks(t, harness));
  await t.test('arithmetic', (t) => checkArithmetic(t, harness));
  await t.test('processes', (t) => checkProcesses(t, harness));
}
