/**
 * A process that leases one key from a shared store until it is refused, and says what it was granted, line by line.
 * Arguments: where the store is, the key, and its limits, as JSON.
 */
import { writeSync } from 'node:fs';
import { openStore } from '../../src/stores/open.ts';

const [where = '', keyId = '', limits = ''] = process.argv.slice(2);
const store = await openStore(JSON.parse(where), { now: () => Date.now() });
for (;;) {
  const lease = await store.limits.lease(keyId, JSON.parse(limits), 1);
  // Written before anything else is leased, so that a kill loses the report of one lease at most.
  writeSync(1, `${lease.granted} ${lease.now}\n`);
  if (lease.granted === 0) break;
}
await store.close();
