import { chmodSync, existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { loadConfig } from '../../src/config/load.ts';
import { createAuthenticator } from '../../src/management/auth/authenticator.ts';
import { cli, folder, type Result } from './run.ts';

const clock = { now: () => Date.now() };
const DAY = 86_400_000;

/** A configuration whose tokens come from what is given, and the command run on it. */
function tokens(t: Test, jwt?: string) {
  const base = folder(t);
  const config = join(base, 'latchkey.yaml');
  const secretFile = join(base, 'data', 'management.secret');
  writeFileSync(
    config,
    `
upstreams: [{ url: "http://127.0.0.1:9000" }]
store: sqlite:${join(base, 'never.db')}
access: { permissions: { "domains:read": [GET /api/domains/*] } }
management: { jwt: { ${jwt ?? `secret_file: ${JSON.stringify(secretFile)}`} } }
`,
  );
  const run = (...argv: string[]): Promise<Result> => cli(['token', ...argv, '--config', config]);
  const holder = async (minted: string) => {
    const { jwt: settings } = loadConfig(config, {}).config.management;
    return (await createAuthenticator(settings, clock)).authenticate(`Bearer ${minted}`);
  };
  return { base, secretFile, run, holder };
}

t.test('a token alone goes to standard output, and opens the management API', async (t) => {
  const { base, secretFile, run, holder } = tokens(t);
  const first = await run('--subject', 'alice', '--permission', 'admin:write', '--permission', 'domains:read');
  t.equal(first.code, 0);
  t.match(first.stdout, /^[\w-]+\.[\w-]+\.[\w-]+\n$/);
  t.match(first.stderr, `Made the signing secret ${secretFile}; the gateway must read the same file.`);
  t.equal(statSync(secretFile).mode & 0o777, 0o600);
  t.match(await holder(first.stdout.trim()), { subject: 'alice', permissions: ['admin:write', 'domains:read'] });
  const second = await run('--subject', 'bob');
  t.equal(second.stderr, '', 'the secret is there already');
  t.match(await holder(second.stdout.trim()), { subject: 'bob', permissions: [] });
  t.equal(existsSync(join(base, 'never.db')), false, 'no store was opened');
});

t.test('with --json it says when the token ends, an hour from now unless told otherwise', async (t) => {
  const { run } = tokens(t);
  const ends = async (...more: string[]): Promise<number> => {
    const { stdout } = await run('--subject', 'alice', '--json', ...more);
    return Date.parse((JSON.parse(stdout) as { expires_at: string }).expires_at) - Date.now();
  };
  const about = (ms: number, expected: number): boolean => Math.abs(ms - expected) < 30_000;
  t.ok(about(await ends(), 3_600_000));
  t.ok(about(await ends('--ttl', '365d'), 365 * DAY));
  const short = JSON.parse((await run('--subject', 'alice', '--json', '--ttl', '1s')).stdout) as { token: string };
  const claims = JSON.parse(Buffer.from(short.token.split('.')[1] ?? '', 'base64url').toString()) as Record<
    string,
    number
  >;
  t.equal((claims['exp'] ?? 0) - (claims['iat'] ?? 0), 1);
});

t.test('what makes no sense is refused before a secret is made', async (t) => {
  const { run, secretFile } = tokens(t);
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /option --subject is missing/],
    [['--subject', ' '], /--subject: is empty/],
    [['--subject', 'x'.repeat(201)], /--subject: has 201 characters/],
    [['--subject', 'a\nb'], /--subject: has characters that cannot be printed/],
    [['--subject', 'local:root'], /--subject: begins with "local:"/],
    [['--subject', 'a', '--permission', 'admin'], /"admin" is not a permission/],
    [['--subject', 'a', '--ttl', 'soon'], /--ttl: "soon" is not a duration; expected one like 15m/],
    [['--subject', 'a', '--ttl', '0'], /--ttl: "0" is too short or too long; expected one from 1s to 365d/],
    [['--subject', 'a', '--ttl', '366d'], /too short or too long/],
    [['--subject', 'a', '--ttl', '1500ms'], /whole number of seconds/],
  ];
  for (const [argv, message] of cases) {
    const { code, stdout, stderr } = await run(...argv);
    t.equal(code, 2, argv.join(' ').slice(0, 60));
    t.equal(stdout, '');
    t.match(stderr, message);
  }
  t.equal(existsSync(secretFile), false);
});

t.test('a permission that nothing asks for is pointed out', async (t) => {
  const { run } = tokens(t);
  await run('--subject', 'a');
  for (const permission of ['*', 'admin:*', 'domains:*', 'admin:read', 'domains:read']) {
    t.equal((await run('--subject', 'a', '--permission', permission)).stderr, '', permission);
  }
  const { code, stderr } = await run('--subject', 'a', '--permission', 'domains:reed');
  t.equal(code, 0);
  t.equal(stderr, 'latchkey: warning: nothing asks for the permission "domains:reed"; did you mean "domains:read"?\n');
});

t.test('a secret that others can read is pointed out, one that is too short is refused', async (t) => {
  const { run, base } = tokens(t, `secret_file: ${JSON.stringify(join(folder(t), 'secret'))}`);
  t.match((await run('--subject', 'a')).stderr, /Made the signing secret/);
  const short = join(base, 'short');
  writeFileSync(short, 'hunter2');
  const other = tokens(t, `secret_file: ${JSON.stringify(short)}`);
  const refused = await other.run('--subject', 'a');
  t.equal(refused.code, 1);
  t.match(refused.stderr, /holds 7 bytes; expected at least 32 random ones/);
  writeFileSync(short, 'x'.repeat(40));
  chmodSync(short, 0o644);
  t.match((await other.run('--subject', 'a')).stderr, /warning: .*short can be read by others/);
});

t.test('where somebody else signs tokens, none can be made here', async (t) => {
  const published = tokens(t, 'jwks_url: "https://issuer.test/keys"');
  const { code, stdout, stderr } = await published.run('--subject', 'a', '--json');
  t.equal(code, 1);
  t.equal(stdout, '');
  t.match(JSON.parse(stderr), { error: { code: 'TOKEN_SIGNED_ELSEWHERE', message: /management\.jwt\.jwks_url/ } });
  const filed = tokens(t, 'public_key_file: /etc/keys/issuer.pem');
  t.match((await filed.run('--subject', 'a')).stderr, /management\.jwt\.public_key_file/);
});
