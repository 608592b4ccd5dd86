/** Explaining what is in the log of a key: which request it is, who sees it, and how much of that is done at once. */
import { setImmediate } from 'node:timers/promises';
import t from 'tap';
import { NOON } from '../support/clock.ts';
import { DOMAINS, explaining, logged, pointers } from './explaining.ts';

t.test('a request that was made is filled in from the log of its key', async (t) => {
  const served = await explaining(t);
  const { admin, clock, explain } = served;
  const { id } = await admin.createKey({ name: 'x', permissions: ['domains:read'] });
  await logged(served, { keyId: id });
  clock.advance(3_600_000);
  const at = new Date(NOON - 250).toISOString();
  const recorded = {
    request_id: 'req_1',
    timestamp: new Date(NOON).toISOString(),
    status_code: 403,
    code: 'permission_denied',
  };
  t.match((await explain({ request_id: 'req_1' })).body, {
    code: 'permission_denied',
    key: { id },
    request: { method: 'POST', path: '/api/domains', ip_address: '192.0.2.9', user_agent: 'SDK/1.0', at },
    recorded,
  });
  const others = { ...DOMAINS, ip_address: '2001:db8::7', user_agent: '', at: '2027-01-01T00:00:00+01:00' };
  t.match((await explain({ request_id: 'req_1', key_id: id, ...others })).body, {
    allowed: true,
    request: { ...others, at: '2026-12-31T23:00:00.000Z' },
    recorded,
  });
});

t.test('of a text that the log cut, nothing is made up', async (t) => {
  const served = await explaining(t);
  const { id } = await served.admin.createKey({ name: 'x', permissions: ['domains:read'] });
  const cut = (length: number): string => `/${'x'.repeat(length - 4)}...`;
  await logged(served, { keyId: id, path: cut(1024), userAgent: cut(256), code: null, status: 0 });
  const without = await served.explain({ request_id: 'req_1' });
  t.equal(without.status, 422);
  t.strictSame(pointers(without), ['/path']);
  t.match((await served.explain({ request_id: 'req_1', path: '/api/domains' })).body, {
    request: { user_agent: null },
    recorded: { status_code: 0, code: null },
  });
});

t.test('of a text that secrets were taken out of, nothing is made up either', async (t) => {
  const served = await explaining(t);
  const { id } = await served.admin.createKey({ name: 'x', permissions: ['domains:read'] });
  await logged(served, { keyId: id, path: '/api/domains/lk_[secret]', userAgent: 'lk_[secret]' });
  const without = await served.explain({ request_id: 'req_1' });
  t.equal(without.status, 422);
  t.strictSame(pointers(without), ['/path']);
  t.match((await served.explain({ request_id: 'req_1', path: '/api/domains' })).body, {
    request: { user_agent: null },
  });
});

t.test('who sends the id of another’s request neither hides that nor takes its place', async (t) => {
  const served = await explaining(t);
  const { as, clock, explain } = served;
  const [alices, bobs] = [await as('alice').createKey({ name: 'a' }), await as('bob').createKey({ name: 'b' })];
  await logged(served, { keyId: alices.id, at: NOON });
  clock.advance(1_000);
  await logged(served, { keyId: bobs.id });
  const told = async (token: string, given = {}) => {
    const { body } = await explain({ request_id: 'req_1', ...given }, token);
    return { key: (body['key'] as { id: string }).id, warnings: body['warnings'] };
  };
  t.strictSame(await told(await served.token([], 'alice')), { key: alices.id, warnings: [] });
  t.strictSame(await told(await served.token([], 'bob')), { key: bobs.id, warnings: [] });
  const reader = await served.token(['admin:read'], 'eve');
  const either = await told(reader);
  t.equal(either.key, bobs.id);
  t.match(either.warnings, [new RegExp(`with other keys too: ${alices.id};`)]);
  t.strictSame(await told(reader, { key_id: alices.id }), { key: alices.id, warnings: [] });
  await served.admin.deleteKey(bobs.id);
  t.equal((await told(reader)).key, alices.id, 'one whose key is gone says nothing more');
});

t.test('only keys of one’s own are searched, however many there are', async (t) => {
  const served = await explaining(t);
  const ann = served.as('ann');
  const keys: string[] = [];
  for (let i = 0; i < 7; i++) keys.push((await ann.createKey({ name: `k${i}` })).id);
  await served.admin.createKey({ name: 'x', owner: 'ann', type: 'service' });
  const { requests } = served.store;
  const searched: unknown[] = [];
  const find = requests.find.bind(requests);
  requests.find = (requestId, keyIds) => {
    searched.push(keyIds === null ? null : keyIds.toSorted());
    return find(requestId, keyIds);
  };
  t.equal((await served.explain({ request_id: 'req_0' }, await served.token([], 'ann'))).status, 404);
  t.equal((await served.explain({ request_id: 'req_0' }, await served.token(['admin:read'], 'eve'))).status, 404);
  t.strictSame(searched, [keys.toSorted(), null]);
});

t.test('one request is explained at a time, and nobody may ask for too many at once', async (t) => {
  const served = await explaining(t);
  const { id } = await served.admin.createKey({ name: 'x', permissions: ['domains:read'] });
  const { limits } = served.store;
  const peek = limits.peek.bind(limits);
  let [running, most] = [0, 0];
  limits.peek = async (keyId) => {
    most = Math.max(most, ++running);
    await setImmediate();
    running--;
    return peek(keyId);
  };
  const [one, other] = [served.as('root', 'admin:write'), served.as('eve', 'admin:read')];
  const asked = Array.from({ length: 17 }, () => one.explain({ key_id: id, ...DOMAINS }));
  const settled = Promise.allSettled(asked);
  t.match(await other.explain({ key_id: id, ...DOMAINS }), { allowed: true });
  const refused = (await settled).flatMap((each) => (each.status === 'rejected' ? [each.reason] : []));
  t.match(refused, [{ code: 'too_many_explanations', retryAfter: 1 }]);
  t.equal(most, 1);
  t.match(await one.explain({ key_id: id, ...DOMAINS }), { allowed: true }, 'afterwards there is room again');
});

t.test('without admin:read, only requests with keys of one’s own', async (t) => {
  const served = await explaining(t);
  const { admin, as, explain } = served;
  const mine = await as('ann').createKey({ name: 'mine' });
  const foreign = await admin.createKey({ name: 'foreign', owner: 'bob' });
  await logged(served, { keyId: mine.id, requestId: 'req_mine' });
  await logged(served, { keyId: foreign.id, requestId: 'req_foreign' });
  const ann = await served.token([], 'ann');
  t.match(await explain({ key_id: mine.id, ...DOMAINS }, ann), { status: 200, body: { code: 'permission_denied' } });
  t.match(await explain({ request_id: 'req_mine' }, ann), { status: 200, body: { key: { name: 'mine' } } });
  t.match(await explain({ key_id: foreign.id, ...DOMAINS }, ann), { status: 404, body: { code: 'not_found' } });
  const told = async (request_id: string): Promise<unknown> => {
    const { status, body } = await explain({ request_id, key_id: mine.id }, ann);
    t.equal(status, 404);
    return { ...body, request_id: null };
  };
  t.strictSame(await told('req_foreign'), await told('req_none'), 'as if it were not there');
  const reader = await served.token(['admin:read'], 'eve');
  t.match(await explain({ request_id: 'req_foreign' }, reader), { status: 200 });
});

t.test('a key that is gone is named to those who see all of them', async (t) => {
  const served = await explaining(t);
  const { id } = await served.admin.createKey({ name: 'x', owner: 'ann' });
  await logged(served, { keyId: id });
  await served.admin.deleteKey(id);
  t.match((await served.explain({ request_id: 'req_1' })).body, { code: 'not_found', detail: new RegExp(id) });
  const { body } = await served.explain({ request_id: 'req_1' }, await served.token([], 'ann'));
  t.notMatch(JSON.stringify(body), id);
});
