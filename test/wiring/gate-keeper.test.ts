import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { NO_PLACES } from '../../src/core/places.ts';
import { createSecretHasher } from '../../src/keys/hasher.ts';
import { createLogger } from '../../src/observe/logger.ts';
import { GateKeeper } from '../../src/wiring/gate-keeper.ts';
import { FaultyKeyStore } from '../keys/faulty-store.ts';
import { issuedKey } from '../support/keys.ts';
import { administer } from '../support/management.ts';

const LOG = createLogger({ level: 'silent', format: 'json', requests: false }, { stdoutIsTerminal: false });

t.test('a clock that is set back opens nothing that an outage has closed', async (t) => {
  const { config, store } = await administer(t);
  const keys = new FaultyKeyStore(store.keys);
  const gate = new GateKeeper({
    config: { ...config, cache: { ...config.cache, maxStaleMs: 0 } },
    store: { ...store, keys },
    places: NO_PLACES,
    logger: LOG.logger,
    onApplied: () => undefined,
  });
  await gate.keys.poll();
  const { record, secret } = issuedKey({}, createSecretHasher(config.keys.peppers));
  await keys.create(record);
  await gate.keys.poll();
  t.match(await gate.keys.find(secret), { key: { record } });
  t.match(gate.keys.peek(secret), { key: { record } });
  keys.down = true;
  const { now } = Date;
  t.teardown(() => {
    Date.now = now;
  });
  while (gate.keys.peek(secret) !== undefined) await delay(10);
  Date.now = () => now() - 3_600_000;
  await gate.keys.poll();
  t.equal(gate.keys.peek(secret), undefined);
  t.throws(() => gate.keys.find(secret), { code: 'STORE_UNAVAILABLE' });
});
