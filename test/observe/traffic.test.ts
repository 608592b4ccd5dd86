import t from 'tap';
import { TrafficCounters } from '../../src/observe/traffic.ts';
import { exchange } from './exchange.ts';

t.test('what is in shadow is counted by code, apart from what denied', async (t) => {
  const traffic = new TrafficCounters();
  traffic.sink(exchange({ wouldDeny: ['ip_blocked', 'rate_limited'] }));
  traffic.sink(exchange({ wouldDeny: ['ip_blocked'], allowed: false, status: 403, code: 'permission_denied' }));
  traffic.sink(exchange({ allowed: false, status: 403, code: 'ip_blocked' }));
  const { wouldDeny, denials } = traffic;
  t.strictSame([wouldDeny.ip_blocked.n, wouldDeny.rate_limited.n, wouldDeny.permission_denied.n], [2, 1, 0]);
  t.strictSame([denials.ip_blocked.n, denials.rate_limited.n, denials.permission_denied.n], [1, 0, 1]);
});
