import type { Test } from 'tap';
import { checkAdmissions } from './admissions.ts';
import { checkArithmetic } from './arithmetic.ts';
import { checkChanges } from './changes.ts';
import type { Harness } from './harness.ts';
import { checkKeys } from './keys.ts';
import { checkListing } from './listing.ts';
import { checkProcesses } from './processes.ts';
import { checkUsage } from './usage.ts';

/** Everything that every store must do; `src/core/ports.ts` says so in words. */
export async function checkStore(t: Test, harness: Harness): Promise<void> {
  await t.test('keys', (t) => checkKeys(t, harness));
  await t.test('listing', (t) => checkListing(t, harness));
  await t.test('changes', (t) => checkChanges(t, harness));
  await t.test('usage', (t) => checkUsage(t, harness));
  await t.test('admissions', (t) => checkAdmissions(t, harness));
  await t.test('arithmetic', (t) => checkArithmetic(t, harness));
  await t.test('processes', (t) => checkProcesses(t, harness));
}
