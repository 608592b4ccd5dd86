import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { flagsOf } from '../../src/cli/command.ts';
import { COMMANDS } from '../../src/cli/commands.ts';
import { cli, folder } from './run.ts';

async function script(shell: string): Promise<string> {
  const { code, stdout, stderr } = await cli(['completion', shell]);
  if (code !== 0 || stderr !== '') throw new Error(stderr);
  return stdout;
}

t.test('bash completes commands, options, values and files', async (t) => {
  const path = folder(t);
  const file = join(path, 'completion.bash');
  writeFileSync(file, await script('bash'));
  writeFileSync(join(path, 'some.yaml'), '');
  /** What bash offers for the last word. */
  const complete = (...words: string[]): string[] => {
    const all = ['latchkey', ...words].map((word) => `'${word}'`).join(' ');
    const commands = `. '${file}'; COMP_WORDS=(${all}); COMP_CWORD=${words.length}; _latchkey; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const done = spawnSync('bash', ['--norc', '-euc', commands], { cwd: path, encoding: 'utf8' });
    t.equal(done.stderr, '');
    return done.stdout.trim().split('\n').sort();
  };
  t.strictSame(complete('s'), ['serve']);
  t.strictSame(complete('co'), ['completion', 'config']);
  t.strictSame(
    complete('keys', 're'),
    ['revoke', 'rotate'].filter((verb) => verb.startsWith('re')),
  );
  t.strictSame(complete('config', ''), ['--help', 'check', 'print', 'schema']);
  t.strictSame(complete('completion', 'z'), ['zsh']);
  t.strictSame(complete('keys', 'create', '--per'), ['--per-day', '--per-hour', '--permission']);
  t.strictSame(complete('serve', '--upstream', 'http://x', '--l'), ['--listen']);
  t.strictSame(complete('keys', 'list', '--status', 'a'), ['active']);
  t.strictSame(complete('serve', '--config', 'so'), ['some.yaml']);
  t.strictSame(complete('keys', 'list', '--owner', ''), [''], 'what nobody can know is left to the user');
  for (const command of COMMANDS) {
    const all = complete(...command.words, '--');
    t.strictSame(
      all,
      flagsOf(command)
        .map((flag) => `--${flag.name}`)
        .sort(),
      command.words.join(' '),
    );
  }
});

t.test('the scripts for zsh and fish know every command and option', async (t) => {
  const zsh = await script('zsh');
  const fish = await script('fish');
  t.match(zsh, /^#compdef latchkey\n/);
  for (const command of COMMANDS) {
    const words = command.words.join(' ');
    const start = zsh.indexOf(`\n    '${words}')\n`);
    t.ok(start > 0, words);
    const section = zsh.slice(start, zsh.indexOf(';;', start));
    const seen = command.words.map((word) => `__fish_seen_subcommand_from ${word}`).join('; and ');
    for (const flag of flagsOf(command)) {
      t.match(section, `--${flag.name}[`, `zsh: ${words} --${flag.name}`);
      t.ok(fish.includes(`\ncomplete -c latchkey -n '${seen}' -l ${flag.name} `), `fish: ${words} --${flag.name}`);
    }
  }
  for (const text of [zsh, fish]) {
    // Every quote that is opened is closed on its line.
    for (const line of text.split('\n').filter((each) => !each.startsWith('#'))) {
      t.equal((line.replaceAll("'\\''", '').match(/'/g) ?? []).length % 2, 0, line);
    }
  }
});

t.test('in JSON, a script is a value', async (t) => {
  const { stdout } = await cli(['completion', 'fish', '--json']);
  t.equal(`${(JSON.parse(stdout) as { script: string }).script}\n`, await script('fish'));
});
