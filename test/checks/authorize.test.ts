import t from 'tap';
import { setUp } from './fixture.ts';

const REPORT = { path: '/api/report' };
const NEW_DOMAIN = { method: 'POST', path: '/api/domains' };

t.test('a route opens to any permission that it names, and to the wildcards over each', async (t) => {
  const { code, issue } = await setUp(t);
  const opens = async (permissions: string[], asked: object) => {
    const { secret } = await issue({ permissions });
    return (await code({ secret, ...asked })) === null;
  };
  for (const each of ['domains:read', 'devices:read', 'domains:*', 'devices:*', '*']) {
    t.equal(await opens([each], REPORT), true, each);
  }
  for (const each of ['domains:write', 'devices:write', 'users:*', 'domains-old:*']) {
    t.equal(await opens([each], REPORT), false, each);
  }
  t.equal(await opens([], REPORT), false);
  t.equal(await opens(['domains:*'], NEW_DOMAIN), true);
  t.equal(await opens(['devices:*'], NEW_DOMAIN), false, 'a wildcard over what another route asks for');
  t.equal(await opens(['devices:*', 'users:*', 'domains:write'], NEW_DOMAIN), true, 'one of several is enough');
});

t.test('a denial names every permission that would do, and a route for any key asks for none', async (t) => {
  const { ask, code, issue } = await setUp(t);
  const { secret } = await issue({ permissions: [] });
  t.match(await ask({ secret, ...REPORT }), {
    denial: {
      code: 'permission_denied',
      detail: 'This route needs the permission domains:read or devices:read.',
      facts: { required_permission: ['domains:read', 'devices:read'] },
    },
  });
  t.equal(await code({ secret, path: '/api/whoami' }), null);
  t.equal(await code({ secret, path: '/api/nothing' }), 'route_not_found');
});
