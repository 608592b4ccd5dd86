/**
 * Revokes keys: their ids come on standard input, one a line, and go to standard output with the time at which each
 * revocation was acknowledged. argv: settings of the store as JSON.
 */
import { createInterface } from 'node:readline';
import { openStore } from '../../src/stores/open.ts';
import { revoke } from './revoke.ts';

const store = await openStore(JSON.parse(process.argv[2] ?? ''), { now: () => Date.now() });
for await (const id of createInterface({ input: process.stdin })) {
  await revoke(store, id);
  process.stdout.write(`${id} ${performance.timeOrigin + performance.now()}\n`);
}
await store.close();
