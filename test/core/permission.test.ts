import * as fc from 'fast-check';
import t from 'tap';
import {
  compilePermissions,
  grants,
  isConcretePermission,
  isPermission,
  sortedPermissions,
} from '../../src/core/permission.ts';
import { holds } from '../support/random.ts';

t.test('a permission is resource:action, resource:* or *', async (t) => {
  for (const text of ['*', 'domains:*', 'domains:read', 'a:b', 'dns.zones:re-sign', 'x_1:y_2', `${'a'.repeat(64)}:b`]) {
    t.equal(isPermission(text), true, text);
  }
  const refused = [
    '',
    ':',
    'domains',
    'domains:',
    ':read',
    '*:read',
    '*:*',
    '**',
    'domains:re*',
    'Domains:read',
    'domains:read:more',
    'domains: read',
    ' domains:read',
    'domains:read\n',
    '1domains:read',
    `${'a'.repeat(65)}:b`,
    `a:${'b'.repeat(65)}`,
  ];
  for (const text of refused) t.equal(isPermission(text), false, JSON.stringify(text));
});

t.test('a route may ask only for a permission without a wildcard', async (t) => {
  t.equal(isConcretePermission('domains:read'), true);
  for (const text of ['*', 'domains:*', 'domains', '']) t.equal(isConcretePermission(text), false, text);
});

t.test('a permission grants itself and nothing else', async (t) => {
  const granted = compilePermissions(['domains:read', 'devices:write']);
  t.equal(grants(granted, 'domains:read'), true);
  t.equal(grants(granted, 'devices:write'), true);
  t.equal(grants(granted, 'domains:write'), false);
  t.equal(grants(granted, 'devices:read'), false);
  t.equal(grants(granted, 'domain:read'), false);
});

t.test('resource:* grants every action on that resource alone', async (t) => {
  const granted = compilePermissions(['domains:*']);
  t.equal(grants(granted, 'domains:read'), true);
  t.equal(grants(granted, 'domains:delete'), true);
  t.equal(grants(granted, 'domains-old:read'), false);
  t.equal(grants(granted, 'devices:read'), false);
});

t.test('* grants everything, and no permission grants nothing', async (t) => {
  t.equal(grants(compilePermissions(['*']), 'anything:at-all'), true);
  t.equal(grants(compilePermissions([]), 'anything:at-all'), false);
  t.equal(grants(compilePermissions(), 'anything:at-all'), false);
});

t.test('several lists add up', async (t) => {
  const granted = compilePermissions(['domains:read'], [], ['devices:*']);
  t.equal(grants(granted, 'domains:read'), true);
  t.equal(grants(granted, 'devices:write'), true);
  t.equal(grants(granted, 'domains:write'), false);
});

t.test('permissions are shown sorted and once', async (t) => {
  t.strictSame(sortedPermissions(['b:x', 'a:y', 'b:x', '*']), ['*', 'a:y', 'b:x']);
});

t.test('property: granting is what reading the list one by one would say', async (t) => {
  const word = fc.constantFrom('a', 'b', 'ab', 'a-b');
  const concrete = fc.tuple(word, word).map(([resource, action]) => `${resource}:${action}`);
  const grant = fc.oneof(
    { weight: 5, arbitrary: concrete },
    { weight: 2, arbitrary: word.map((resource) => `${resource}:*`) },
    { weight: 1, arbitrary: fc.constant('*') },
  );
  const covers = (one: string, wanted: string): boolean =>
    one === '*' || one === wanted || (one.endsWith(':*') && wanted.split(':')[0] === one.slice(0, -2));
  holds(
    fc.property(fc.array(grant, { maxLength: 5 }), concrete, (list, wanted) => {
      return grants(compilePermissions(list), wanted) === list.some((one) => covers(one, wanted));
    }),
  );
  t.pass('held');
});
