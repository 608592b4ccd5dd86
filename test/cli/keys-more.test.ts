/** Roles, places, versions, deletion and changes of many keys, on a store of the test's own. */
import t, { type Test } from 'tap';
import type { KeyAnswer, KeyList } from '../../src/management/schemas/key.ts';
import { keysIn } from './keys-fixture.ts';
import type { Result } from './run.ts';

const words = (line: string): string[] => line.split(' ');

/** One line on standard error. Returns it. */
function oneLine(t: Test, { code, stdout, stderr }: Result, expectedCode: number): string {
  t.equal(code, expectedCode);
  t.equal(stdout, '');
  t.match(stderr, /^[^\n]+\n$/);
  return stderr.trimEnd();
}

t.test('roles and places are given and taken like the rest', async (t) => {
  const keys = keysIn(t);
  await keys.ok('roles', 'create', 'on_call', '--permission', 'domains:write');
  const made = await keys.json(
    ...words('create --name a --type service --role on_call --country NL --country BE --block-tor'),
  );
  t.match(made, {
    roles: ['on_call'],
    permissions: ['domains:write'],
    country_restrictions: ['NL', 'BE'],
    block_tor: true,
  });
  t.match(made.warnings, [/country/, /[Tt]or/], 'nothing knows where addresses are');
  const text = await keys.run('show', made.id);
  t.match(text.stdout, '\nRoles         on_call\n');
  t.match(text.stdout, '\nCountries     NL, BE\nTor           refused\n');
  const cleared = await keys.json('update', made.id, ...words('--clear country --clear tor --clear roles'));
  t.match(cleared, { roles: [], permissions: [], country_restrictions: [], block_tor: false });
});

t.test('warnings are told on standard error, beside the answer', async (t) => {
  const keys = keysIn(t);
  const made = await keys.run('create', '--name', 'a', '--type', 'service', '--country', 'NL', '--preset', 'read_only');
  t.match(made.stdout, /^lk_\w{49}\n$/);
  t.match(made.stderr, /^latchkey: warning: country_restrictions: /m);
  const [key] = await keys.all();
  const changed = await keys.run('update', key?.id ?? '', '--country', 'BE');
  t.match(changed, { stdout: `${key?.id} is updated.\n`, stderr: /^latchkey: warning: country_restrictions: / });
});

t.test('a change with --if-version is made of that version, and of no other', async (t) => {
  const keys = keysIn(t);
  const { id } = await keys.json('create', '--name', 'a', '--type', 'service');
  for (const verb of ['enable', 'disable', 'revoke', 'rotate', 'delete', 'update']) {
    const more = verb === 'update' ? ['--burst', '3'] : verb === 'delete' ? ['--yes'] : [];
    const said = oneLine(t, await keys.run(verb, id, ...more, '--if-version', '7'), 1);
    t.match(said, /version/, verb);
  }
  t.equal((await keys.json('update', id, '--name', 'b', '--if-version', '1')).version, 2);
  t.equal(
    oneLine(t, await keys.run('disable', id, '--if-version', 'x'), 2),
    'latchkey: --if-version: "x" is not a whole number',
  );
});

t.test('what is overridden of a tier stays when another limit changes, and the tier keeps the rest', async (t) => {
  const keys = keysIn(t);
  const { id } = await keys.json(...words('create --name a --type service --burst 9'));
  const changed = await keys.json('update', id, '--per-day', '11');
  t.strictSame(changed.limits, { per_hour: 1000, per_day: 11, burst: 9 });
  const moved = await keys.json('update', id, '--tier', 'small');
  t.strictSame(moved.limits, { per_hour: 10, per_day: 11, burst: 9 }, 'the hour is still that of the tier');
});

t.test('a deleted key is gone; without --yes somebody must say yes', async (t) => {
  const keys = keysIn(t);
  const { id } = await keys.json('create', '--name', 'a', '--type', 'service', '--owner', 'ann');
  const unasked = await keys.run('delete', id);
  t.equal(unasked.code, 2);
  t.match(unasked.stderr, `${id} is "a", of type service, of ann: active, never used, 0 requests this month.`);
  t.match(unasked.stderr, `latchkey: Delete ${id}? Nobody can be asked here; give --yes to do it\n`);
  const asked: string[] = [];
  const answering = (answer: string | null) => ({
    ask: (question: string) => {
      asked.push(question);
      return Promise.resolve(answer);
    },
  });
  t.match(await keys.as(answering('no'), 'delete', id), { code: 1, stderr: /latchkey: nothing was done\n$/ });
  t.match(await keys.as(answering(null), 'delete', id), { code: 2 });
  t.equal((await keys.all()).length, 1);
  t.match(await keys.as(answering('Yes'), 'delete', id), {
    code: 0,
    stdout: `${id} is deleted; no gateway is running.\n`,
  });
  t.strictSame(asked, Array(3).fill(`Delete ${id}? [y/N] `));
  t.equal(oneLine(t, await keys.run('delete', id, '--yes'), 1), `latchkey: there is no key "${id}"`);
  const { id: other } = await keys.json('create', '--name', 'b', '--type', 'service');
  t.match(await keys.json('delete', other, '--yes'), { id: other, deleted: true, propagation: { gateways: 0 } });
});

t.test('many keys are revoked or disabled at once', async (t) => {
  const keys = keysIn(t);
  const make = (name: string, owner: string) =>
    keys.json('create', '--name', name, '--type', 'service', '--owner', owner);
  const ann = [await make('one', 'ann'), await make('two', 'ann')].map(({ id }) => id).sort();
  const bob = await make('three', 'bob');
  const planned = await keys.run('bulk', 'revoke', '--owner', 'ann', '--dry-run');
  t.strictSame(planned.stdout.trim().split('\n').sort(), ann);
  t.equal(planned.stderr, '2 keys would be revoked.\n');
  t.match(await keys.run('bulk', 'revoke', '--owner', 'ann'), { code: 2, stderr: /give --yes/ });
  t.equal((await keys.json<KeyList>('list', '--status', 'active')).keys.length, 3, 'nothing was done');
  let question = '';
  const ask = (text: string) => {
    question = text;
    return Promise.resolve('y');
  };
  t.match(await keys.as({ ask }, 'bulk', 'revoke', '--owner', 'ann'), {
    code: 0,
    stderr: '2 keys are revoked; no gateway is running.\n',
  });
  t.equal(question, 'Revoke 2 keys, for good? [y/N] ');
  t.match(await keys.json('bulk', 'disable', '--id', bob.id, '--yes'), {
    action: 'disable',
    changed: 1,
    ids: [bob.id],
  });
  t.equal((await keys.json('show', bob.id)).status, 'disabled');
  t.match(oneLine(t, await keys.run('bulk', 'revoke', '--yes'), 2), /expected at least one condition/);
  t.match(oneLine(t, await keys.run('bulk', 'delete', '--owner', 'a'), 2), 'delete is not what to do with the keys');
  t.match(await keys.as({ ask }, 'bulk', 'revoke', '--owner', 'nobody'), { code: 0, stderr: '0 keys are revoked.\n' });
});

t.test('an id that no key has is told, and the keys with the others are changed all the same', async (t) => {
  const keys = keysIn(t);
  const { id } = await keys.json('create', '--name', 'a', '--type', 'service', '--owner', 'ann');
  const leaked = ['--id', id, '--id', `${id.slice(0, -2)}zz`, '--id', `key_${'0'.repeat(24)}`];
  const planned = await keys.run('bulk', 'revoke', ...leaked, '--dry-run');
  t.match(planned, { code: 1, stdout: `${id}\n`, stderr: `latchkey: key_${'0'.repeat(24)}: there is no key` });
  const revoked = await keys.run('bulk', 'revoke', ...leaked, '--yes', '--json');
  t.equal(revoked.code, 1);
  const { failed, ids } = JSON.parse(revoked.stdout);
  t.strictSame(ids, [id]);
  t.match(failed, [{ code: 'KEY_NOT_FOUND' }, { id: `key_${'0'.repeat(24)}`, code: 'KEY_NOT_FOUND' }]);
  const already = await keys.run('bulk', 'revoke', '--id', id, '--yes');
  t.match(already, { code: 0, stderr: '0 keys are revoked.\n' }, 'a key that is revoked already is no failure');
  const other = await keys.run('bulk', 'revoke', '--id', id, '--owner', 'bob', '--yes');
  t.match(other, { code: 0, stderr: '0 keys are revoked.\n' }, 'nor is one that meets not all conditions');
});

t.test('a list finds what it is asked for', async (t) => {
  const keys = keysIn(t);
  await keys.json(...words('create --name soon --type personal --expires 2d --permission domains:*'));
  await keys.json(...words('create --name later --type personal --expires 20d --preset read_only'));
  await keys.json(...words('create --name never --type service --description Billing'));
  const names = async (...args: string[]): Promise<string> =>
    (await keys.json<KeyList>('list', ...args)).keys.map(({ name }) => name).join(' ');
  t.equal(await names('--sort', 'name'), 'later never soon');
  t.equal(await names('--sort=-name'), 'soon never later');
  t.equal(await names('--expiring-before', '7d'), 'soon');
  t.equal(await names('--expiring-before', '2099-01-01', '--sort', 'expires_at'), 'soon later');
  t.equal(await names('--permission', 'domains:read', '--sort', 'name'), 'later soon');
  t.equal(await names('--search', 'billing'), 'never');
  t.match(await keys.json<KeyList>('list', '--limit', '2'), { pagination: { total: 3, limit: 2 }, unreadable: [] });
  t.match(oneLine(t, await keys.run('list', '--sort', 'age'), 2), /^latchkey: --sort: "age" is not known; expected/);
  t.match(
    oneLine(t, await keys.run('list', '--expiring-before', 'soon'), 2),
    /--expiring-before: "soon" is not a time; expected 7d/,
  );
  t.match(oneLine(t, await keys.run('list', '--permission', 'read'), 2), /--permission: /);
});

t.test('on a terminal the table fits, and what is less important goes', async (t) => {
  const keys = keysIn(t);
  await keys.json('create', '--name', 'n'.repeat(100), '--type', 'service', '--owner', 'o'.repeat(100));
  for (const columns of [220, 120, 100, 80, 60]) {
    const { stdout } = await keys.as({ columns, stdoutIsTerminal: true }, 'list');
    for (const line of stdout.trimEnd().split('\n'))
      t.ok(Array.from(line).length <= Math.max(columns, 60), `${columns}: ${line}`);
    t.match(stdout, /^key_\w{24} /m, 'an id stays whole');
    t.match(stdout, '…');
  }
  t.notMatch((await keys.as({ columns: 80, stdoutIsTerminal: true }, 'list')).stdout, 'TIER');
  t.match((await keys.as({ columns: 80, stdoutIsTerminal: true }, 'list')).stdout, /NAME +OWNER +STATUS +EXPIRES/);
});

t.test('a secret can be seen again where it is kept', async (t) => {
  const keys = keysIn(t, undefined, 'keys: { recoverable: { secret: "${SEAL}" } }\n', {
    SEAL: Buffer.alloc(32, 7).toString('base64'),
  });
  const made = await keys.json('create', '--name', 'a', '--type', 'service');
  t.equal(made.recoverable, true);
  t.strictSame(await keys.run('secret', made.id), { code: 0, stdout: `${made.secret}\n`, stderr: '' });
  t.strictSame(await keys.json('secret', made.id), { id: made.id, secret: made.secret });
  t.match((await keys.run('show', made.id)).stdout, '\nRecoverable   yes');
  const plain = keysIn(t);
  const { id } = await plain.json<KeyAnswer>('create', '--name', 'a', '--type', 'service');
  t.match(oneLine(t, await plain.run('secret', id), 1), /./);
});
