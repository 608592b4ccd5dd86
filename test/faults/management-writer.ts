/**
 * Changes keys without a pause until it is killed, and says on standard output what was acknowledged: one line of JSON
 * each. argv: configuration file.
 */
import { writeSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { loadConfig } from '../../src/config/load.ts';
import { openManagement } from '../../src/wiring/management.ts';

export interface Acknowledged {
  readonly action: 'key.create' | 'key.update' | 'key.rotate' | 'key.revoke' | 'key.delete';
  readonly id: string;
}

const STDOUT = 1;

// It would be written when the process ends, which it does not: it is killed, and the next one would compile all again.
flushCompileCache();

const { config } = loadConfig(process.argv[2] ?? '', {});
const { client } = await openManagement({ ...config, store: { ...config.store, timeoutMs: 20_000 } });

/** At once: what is still in a buffer when the process is killed was never said. */
function say(action: Acknowledged['action'], id: string): void {
  writeSync(STDOUT, `${JSON.stringify({ action, id } satisfies Acknowledged)}\n`);
}

for (let i = 0; ; i++) {
  const { id } = await client.createKey({ name: `key ${i}`, permissions: ['domains:read'] });
  say('key.create', id);
  if (i % 2 === 0) {
    await client.rotateKey(id, {});
    say('key.rotate', id);
  }
  if (i % 3 === 0) {
    await client.updateKey(id, { description: `changed ${i}` });
    say('key.update', id);
  }
  if (i % 4 === 1) {
    await client.revokeKey(id);
    say('key.revoke', id);
  } else if (i % 4 === 3) {
    await client.deleteKey(id);
    say('key.delete', id);
  }
}
