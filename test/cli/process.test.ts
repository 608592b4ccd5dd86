import { closeSync, openSync } from 'node:fs';
import t from 'tap';
import { ended, folder, latchkey, start } from './run.ts';

t.test('data goes to standard output, messages to standard error, and the exit code says how it went', async (t) => {
  const cwd = folder(t);
  const made = await latchkey(['keys', 'create', '--name', 'a', '--type', 'personal', '--owner', 'o'], { cwd });
  t.equal(made.code, 0);
  t.match(made.stdout, /^lk_\w{49}\n$/);
  t.match(made.stderr, /^Created key_/);
  const gone = await latchkey(['keys', 'show', 'key_none'], { cwd });
  t.strictSame(gone, { code: 1, stdout: '', stderr: 'latchkey: there is no key "key_none"\n' });
  const wrong = await latchkey(['keys', 'lst'], { cwd });
  t.strictSame(wrong, {
    code: 2,
    stdout: '',
    stderr: 'latchkey: unknown command latchkey keys lst; did you mean latchkey keys list?\n',
  });
});

t.test('a reader that has seen enough is no failure', async (t) => {
  const child = start(['config', 'schema'], { cwd: folder(t) });
  child.stdout?.destroy();
  const { code, stderr } = await ended(child);
  t.equal(code, 0);
  t.equal(stderr, '');
});

t.test('output that cannot be written is a failure', async (t) => {
  const full = openSync('/dev/full', 'w');
  t.teardown(() => closeSync(full));
  const { code, stderr } = await latchkey(['--version'], { cwd: folder(t), stdio: ['ignore', full, 'pipe'] });
  t.equal(code, 1);
  t.equal(stderr, 'latchkey: standard output cannot be written (ENOSPC)\n');
});

t.test('a secret that nobody could take is a failure that says how to get another', async (t) => {
  const cwd = folder(t);
  const create = ['keys', 'create', '--name', 'a', '--type', 'personal', '--owner', 'o', '--json'];
  const full = openSync('/dev/full', 'w');
  t.teardown(() => closeSync(full));
  const made = await latchkey(create, { cwd, stdio: ['ignore', full, 'pipe'] });
  t.equal(made.code, 1);
  const { error } = JSON.parse(made.stderr) as { error: { code: string; message: string } };
  t.equal(error.code, 'SECRET_NOT_DELIVERED');
  const id = /key_\w+/.exec(error.message)?.[0] ?? '';
  t.equal(
    error.message,
    `the key ${id} was made, but its secret could not be delivered; \`latchkey keys rotate ${id}\` gives it another`,
  );
  const rotate = start(['keys', 'rotate', id], { cwd });
  rotate.stdout?.destroy();
  const rotated = await ended(rotate);
  t.equal(rotated.code, 1);
  t.equal(
    rotated.stderr.trimEnd().split('\n').at(-1),
    `latchkey: the key ${id} was rotated, but its new secret could not be delivered; \`latchkey keys rotate ${id}\` gives it another`,
  );
});

t.test('nothing is coloured for a program', async (t) => {
  const cwd = folder(t);
  await latchkey(['keys', 'create', '--name', 'a', '--type', 'personal', '--owner', 'o'], { cwd });
  const { stdout } = await latchkey(['keys', 'list'], { cwd, env: { TERM: 'xterm-256color', FORCE_COLOR: '1' } });
  t.match(stdout, 'active');
  t.notMatch(stdout, '\u001b');
});
