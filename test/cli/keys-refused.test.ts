import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { keysIn } from './keys-fixture.ts';
import { cli, folder, type Result } from './run.ts';

/** One line on standard error, nothing on standard output. Returns the line. */
function oneLine(t: Test, { code, stdout, stderr }: Result, expectedCode: number): string {
  t.equal(code, expectedCode, 'exit code');
  t.equal(stdout, '', 'no data');
  t.match(stderr, /^[^\n]+\n$/, 'one line');
  return stderr.trimEnd();
}

const VALID = ['--name', 'a', '--type', 'service', '--owner', 'o'];

/** What is wrong about a new key, and what the line about it says. */
const REFUSED: readonly (readonly [options: readonly string[], said: string])[] = [
  [['--permission', 'domain:read'], '--permission: "domain:read" is not known; did you mean "domains:read"?'],
  [['--permission', 'read'], '--permission: "read" is not a permission; expected resource:action, resource:* or *'],
  [['--preset', 'read_onyl'], '--preset: "read_onyl" is not known; did you mean "read_only"?'],
  [['--tier', 'enormous'], '--tier: "enormous" is not known; expected one of small, large'],
  [['--ip', '10.0.0.0/33'], '--ip: "10.0.0.0/33" has the prefix length "33"; expected 0 to 32'],
  [
    ['--ip', '10.0.0'],
    '--ip: "10.0.0" is not an address; expected an address or a CIDR, like 203.0.113.5, 192.168.1.0/24 or 2001:db8::/32',
  ],
  [
    ['--hours', '9-17'],
    '--hours: "9-17" is not a window; expected HH:MM-HH:MM from 00:00 to 24:00, like 09:00-17:00 or 22:00-06:00',
  ],
  [
    ['--days', 'mon', '--timezone', 'Europe/Amsterdm'],
    '--timezone: "Europe/Amsterdm" is not a time zone; expected an IANA name like Europe/Amsterdam',
  ],
  [
    ['--timezone', 'Europe/Amsterdam'],
    '--hours: neither allowed_hours nor allowed_days is given; expected at least one of them',
  ],
  [
    ['--days', 'mon-fry'],
    '--days: "mon-fry" is not a day or a range of days; expected days like mon-fri or mon,wed,saturday',
  ],
  [['--expires', '2020-01-01'], '--expires: 2020-01-01T00:00:00.000Z has passed; expected a time to come'],
  [['--burst', '0'], '--burst: is 0; expected a whole number from 1 to 1000000000'],
  [['--per-hour', 'many'], '--per-hour: "many" is not a whole number'],
  [['--description', 'a\u0007b'], '--description: has control characters; expected plain text'],
  [['--metadata', 'a'], '--metadata: "a" is not name=value, like team=billing'],
];

t.test('a key with something wrong about it is not made, and one line says why', async (t) => {
  const keys = keysIn(t);
  for (const [options, said] of REFUSED) {
    await t.test(options.join(' '), async (t) => {
      t.equal(oneLine(t, await keys.run('create', ...VALID, ...options), 2), `latchkey: ${said}`);
    });
  }
  await t.test('type, name and owner', async (t) => {
    const create = async (...args: string[]): Promise<string> => oneLine(t, await keys.run('create', ...args), 2);
    t.equal(await create('--type', 'service'), 'latchkey: option --name is missing: what people call the key');
    t.equal(
      await create('--name', 'a', '--type', 'servce'),
      'latchkey: --type: "servce" is not known; did you mean "service"?',
    );
    t.equal(await create('--name', ' ', '--type', 'service'), 'latchkey: --name: is empty; expected some text');
    t.match(
      await create('--name', 'a', '--type', 'service', '--owner', 'x'.repeat(201)),
      /--owner: has 201 characters/,
    );
  });
  t.strictSame(await keys.all(), [], 'nothing was written');
});

t.test('each thing that is wrong has its line, and in JSON its fault', async (t) => {
  const keys = keysIn(t);
  const wrong = [...VALID, '--tier', 'none', '--preset', 'none', '--ip', '192.0.2.1', '--ip', 'x'];
  const { code, stderr } = await keys.run('create', ...wrong);
  t.equal(code, 2);
  t.strictSame(stderr.match(/^latchkey: --\w+/gm), ['latchkey: --preset', 'latchkey: --tier', 'latchkey: --ip']);
  const json = await keys.run('create', ...wrong, '--json');
  t.equal(json.code, 2);
  t.equal(json.stdout, '');
  const { error } = JSON.parse(json.stderr) as { error: { code: string; faults: { field: string }[] } };
  t.equal(error.code, 'KEY_INVALID');
  t.strictSame(
    error.faults.map((fault) => fault.field),
    ['preset', 'tier', 'ip_restrictions[1]'],
  );
});

t.test('a change with something wrong about it changes nothing', async (t) => {
  const keys = keysIn(t);
  const { id, secret: _secret, warnings: _warnings, ...made } = await keys.json('create', ...VALID);
  for (const [options, said] of REFUSED) {
    t.equal(oneLine(t, await keys.run('update', id, '--name', 'b', ...options), 2), `latchkey: ${said}`);
  }
  t.equal(
    oneLine(t, await keys.run('update', id), 2),
    'latchkey: nothing to change: give at least one option; see latchkey keys update --help',
  );
  t.match(oneLine(t, await keys.run('update', id, '--clear', 'owner'), 2), /^latchkey: --clear: "owner" is not known/);
  t.equal(
    oneLine(t, await keys.run('rotate', id, '--grace', 'soon'), 2),
    'latchkey: --grace: "soon" is not a duration; expected one like 24h, or 0',
  );
  t.match(
    oneLine(t, await keys.run('rotate', id, '--grace', '91d'), 2),
    /^latchkey: --grace: is \d+ ms; expected 0 to/,
  );
  t.strictSame(await keys.json('show', id), { ...made, id });
});

t.test('a key that is not there', async (t) => {
  const keys = keysIn(t);
  const id = 'key_0123456789abcdef01234567';
  for (const args of [['show'], ['update', '--name', 'b'], ['enable'], ['disable'], ['rotate'], ['revoke']]) {
    const [verb = '', ...rest] = args;
    t.equal(oneLine(t, await keys.run(verb, id, ...rest), 1), `latchkey: there is no key "${id}"`, verb);
  }
  const json = await keys.run('show', id, '--json');
  t.match(JSON.parse(json.stderr), { error: { code: 'KEY_NOT_FOUND' } });
});

t.test('a list that makes no sense', async (t) => {
  const keys = keysIn(t);
  t.match(oneLine(t, await keys.run('list', '--status', 'gone'), 2), /expected active, disabled, revoked, expired$/);
  for (const limit of ['0', '100001', 'x']) t.match(oneLine(t, await keys.run('list', '--limit', limit), 2), '--limit');
  t.match(oneLine(t, await keys.run('list', '--after', 'x'), 1), 'page token');
});

t.test('a store that cannot be used is told with where it is', async (t) => {
  const path = folder(t);
  const file = join(path, 'file');
  writeFileSync(file, 'text\n'.repeat(1000));
  const list = (store: string): Promise<Result> => cli(['keys', 'list', '--no-config', '--store', store]);
  // Under a file, since root may write into every folder.
  t.equal(
    oneLine(t, await list(`sqlite:${file}/data/keys.db`), 1),
    `latchkey: The store needs ${file}/data, which cannot be created: ENOTDIR`,
  );
  t.equal(oneLine(t, await list(`sqlite:${file}`), 1), `latchkey: The store ${file} is not an SQLite database`);
  mkdirSync(join(path, 'folder'));
  t.match(
    oneLine(t, await list(`sqlite:${join(path, 'folder')}`), 1),
    /^latchkey: The store .*folder cannot be opened/,
  );

  const port = await closedPort();
  t.equal(
    oneLine(t, await list(`redis://127.0.0.1:${port}/0`), 1),
    `latchkey: Redis at 127.0.0.1:${port} does not answer (ECONNREFUSED)`,
  );
  t.match(oneLine(t, await list('mysql://x'), 2), /^latchkey: --store: expected sqlite:PATH, redis:/);
});

t.test('a configuration with mistakes, and none at all', async (t) => {
  const path = folder(t);
  const config = join(path, 'bad.yaml');
  const store = join(path, 'keys.db');
  writeFileSync(
    config,
    `upstreams: [{ url: "http://127.0.0.1:9000" }]\nproxy:\n  lisen: :80\nstore: sqlite:${store}\naccess: { any_key: ["* /*"] }\n`,
  );
  t.equal(
    oneLine(t, await cli(['keys', 'create', ...VALID, '--config', config]), 1),
    `${config}:3:3: proxy.lisen: unknown setting; did you mean "listen"?`,
  );
  t.notOk(existsSync(store), 'the store was not touched');
  const fault = JSON.parse((await cli(['keys', 'list', '--config', config, '--json'])).stderr) as unknown;
  t.match(fault, {
    error: { code: 'CONFIG_INVALID', faults: [{ field: 'proxy.lisen', file: config, line: 3, column: 3 }] },
  });
  const missing = join(path, 'missing.yaml');
  t.equal(oneLine(t, await cli(['keys', 'list', '--config', missing]), 1), `${missing}: cannot be read (ENOENT)`);
  t.equal(
    oneLine(t, await cli(['keys', 'list'], { LATCHKEY_CONFIG: missing }), 1),
    `${missing}: cannot be read (ENOENT)`,
    'the environment names the file',
  );
  t.match(oneLine(t, await cli(['keys', 'list', '--config', config, '--no-config']), 2), 'contradict each other');
});

async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
