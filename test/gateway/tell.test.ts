import t from 'tap';
import type { Exchange } from '../../src/core/exchange.ts';
import { failedTellings } from '../../src/gateway/tell.ts';
import { config, loadedKey, startGateway, stubGate } from '../support/gateway.ts';
import { exchange, get } from '../support/raw-client.ts';
import { startRawUpstream } from '../support/raw-upstream.ts';

const UNKNOWN = 'GET /x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer lk_unknown\r\n\r\n';

t.test(
  'an exchange names the key that the secret belongs to, its type and its owner, also when it is refused',
  async (t) => {
    const upstream = await startRawUpstream(t);
    const named = { id: 'key_7', type: 'service', owner: 'team_9' };
    const gate = stubGate({ lk_test: loadedKey(named) });
    const { port, reported } = await startGateway(t, config({}, [{ url: upstream.url }]), { gate });
    await exchange(t, port, get('/x'));
    gate.secrets.set('lk_test', loadedKey({ ...named, status: 'disabled' }));
    await exchange(t, port, get('/x'));
    await exchange(t, port, UNKNOWN);
    await exchange(t, port, 'GET /x HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n');
    const seen = await reported(4);
    t.strictSame(
      seen.map(({ allowed, keyId, keyType, owner }) => [allowed, keyId, keyType, owner]),
      [
        [true, 'key_7', 'service', 'team_9'],
        [false, 'key_7', 'service', 'team_9'],
        [false, null, null, null],
        [false, null, null, null],
      ],
    );
  },
);

t.test('what fails when it is told of an exchange is counted', async (t) => {
  const upstream = await startRawUpstream(t);
  const before = failedTellings();
  const told: Exchange[] = [];
  const onExchange = (exchange: Exchange): void => {
    told.push(exchange);
    throw new Error('a bug');
  };
  const { port } = await startGateway(t, config({}, [{ url: upstream.url }]), { onExchange });
  t.equal((await exchange(t, port, get('/x'))).status, 200);
  t.equal((await exchange(t, port, UNKNOWN)).status, 401);
  t.equal((await exchange(t, port, get('/x'))).status, 200);
  // The exchange before the last has been told of by the time that the last one is answered.
  t.ok(told.length >= 2);
  t.equal(failedTellings() - before, told.length);
});
