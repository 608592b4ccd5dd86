import { readFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { flagsOf } from '../../src/cli/command.ts';
import { COMMANDS } from '../../src/cli/commands.ts';
import { parseArguments } from '../../src/cli/parse.ts';
import { newSecret } from '../../src/keys/secret.ts';
import { cli } from './run.ts';

/** What a wrong command line is told: exit code 2, nothing on standard output, one line. */
async function complaint(t: Test, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await cli(args);
  t.equal(code, 2, `latchkey ${args.join(' ').slice(0, 80)}`);
  t.equal(stdout, '');
  t.match(stderr, /^latchkey: [^\n]+\n$/, 'in one line');
  return stderr.trimEnd().replace('latchkey: ', '');
}

t.test('an unknown option is told with the nearest one', async (t) => {
  t.equal(await complaint(t, 'serve', '--lisen', ':80'), 'unknown option --lisen; did you mean --listen?');
  t.equal(await complaint(t, 'serve', '--lisen=:80'), 'unknown option --lisen; did you mean --listen?');
  t.equal(
    await complaint(t, 'keys', 'create', '--permisson', 'a:b'),
    'unknown option --permisson; did you mean --permission?',
  );
  t.equal(
    await complaint(t, 'keys', 'list', '--frobnicate'),
    'unknown option --frobnicate; see latchkey keys list --help',
  );
  t.equal(await complaint(t, 'keys', 'list', '-x'), 'unknown option -x; see latchkey keys list --help');
  t.equal(await complaint(t, 'keys', 'list', '--no-json'), 'unknown option --no-json; see latchkey keys list --help');
  t.match(await complaint(t, 'serve', `--${'x'.repeat(5000)}`), /^unknown option --x{58}…; see/, 'and not at length');
});

t.test('an unknown command is told with the nearest one', async (t) => {
  t.equal(await complaint(t, 'serv'), 'unknown command latchkey serv; did you mean latchkey serve?');
  t.equal(
    await complaint(t, 'keys', 'crate'),
    'unknown command latchkey keys crate; did you mean latchkey keys create?',
  );
  t.equal(
    await complaint(t, 'config', 'frobnicate'),
    'unknown command latchkey config frobnicate; expected check, schema, print',
  );
  t.match(
    await complaint(t, 'frobnicate'),
    /^unknown command latchkey frobnicate; expected serve, keys, explain, roles, audit, token, /,
  );
  t.match(await complaint(t, 'help', 'kyes'), /did you mean latchkey keys\?$/);
  t.equal(await complaint(t, '--store', 'keys', 'list'), 'expected a command before --store; see latchkey --help');
});

t.test('options are given once, with a value where they have one', async (t) => {
  t.equal(await complaint(t, 'keys', 'list', '--owner', 'a', '--owner', 'b'), 'option --owner is given twice');
  t.equal(await complaint(t, 'serve', '--demo', '--demo'), 'option --demo is given twice');
  t.equal(await complaint(t, 'keys', 'list', '--owner'), 'option --owner needs a value: --owner ID');
  t.equal(await complaint(t, 'keys', 'list', '--owner='), 'option --owner needs a value: --owner ID');
  t.equal(
    await complaint(t, 'keys', 'list', '--owner', '--status=active'),
    'option --owner needs a value; write --owner=--status=active if --status=active is meant',
  );
  t.equal(await complaint(t, 'serve', '--demo=yes'), 'option --demo takes no value');
});

t.test('words are neither missing nor too many', async (t) => {
  t.equal(
    await complaint(t, 'keys', 'show'),
    'expected the id of a key, like key_0123456789abcdef01234567: latchkey keys show ID',
  );
  t.equal(await complaint(t, 'keys', 'show', 'a', 'b'), 'unexpected argument b; see latchkey keys show --help');
  t.equal(await complaint(t, 'keys', 'list', 'all'), 'unexpected argument all; see latchkey keys list --help');
  t.equal(await complaint(t, 'completion', 'csh'), 'csh is not a shell; expected bash, zsh, fish');
});

t.test('a secret among the arguments is refused and not repeated', async (t) => {
  const secret = newSecret('lk');
  for (const args of [
    ['keys', 'show', secret],
    ['keys', 'list', '--owner', secret],
    ['keys', 'create', `--name=${secret}`],
    [secret],
    [`--${secret}`],
    ['keys', 'list', `--${secret}`],
  ]) {
    const said = await complaint(t, ...args);
    t.notMatch(said, secret.slice(4, 40), args.join(' ').replace(secret, 'SECRET'));
  }
  t.equal(
    await complaint(t, 'keys', 'show', secret),
    'an argument is the secret of a key, which others can read now: rotate that key, and use its id',
  );
  for (const store of ['redis://:hunter2@127.0.0.1:6379/0', 'rediss://u:hunter2@h']) {
    t.equal(
      await complaint(t, 'keys', 'list', '--no-config', '--store', store),
      '--store: a password in an argument can be read by others; set "store" in a configuration file',
    );
  }
});

t.test('with --json, what went wrong is JSON on standard error', async (t) => {
  const { code, stdout, stderr } = await cli(['keys', 'list', '--frobnicate', '--json']);
  t.equal(code, 2);
  t.equal(stdout, '');
  t.strictSame(JSON.parse(stderr), {
    error: { code: 'USAGE', message: 'unknown option --frobnicate; see latchkey keys list --help', faults: [] },
  });
});

t.test('help is there at every level, on standard output when it was asked for', async (t) => {
  for (const args of [['--help'], ['-h'], ['help'], ['help', '--json']]) {
    const { code, stdout, stderr } = await cli(args);
    t.equal(code, 0);
    t.equal(stderr, '');
    for (const { words, summary } of COMMANDS) {
      t.ok(stdout.includes(words.join(' ')), words.join(' '));
      t.ok(stdout.replace(/\s+/g, ' ').includes(summary), summary);
    }
  }
  for (const args of [
    ['keys', '--help'],
    ['keys', '-h'],
    ['help', 'keys'],
    ['keys', 'help'],
  ]) {
    const { code, stdout } = await cli(args);
    t.equal(code, 0);
    t.match(stdout, /^Usage: latchkey keys COMMAND/);
    t.match(stdout, /\n {2}create {3}/);
    t.notMatch(stdout, 'serve');
  }
  for (const args of [[], ['keys'], ['config']]) {
    const { code, stdout, stderr } = await cli(args);
    t.equal(code, 2, 'a command is missing');
    t.equal(stdout, '');
    t.match(stderr, /^Usage: latchkey/);
  }
});

t.test('help is made to fit a terminal, its examples excepted', async (t) => {
  const widest = async (columns: number | null, ...args: string[]): Promise<number> => {
    const { stdout } = await cli(args, {}, { columns });
    const [text = ''] = stdout.split('\nExamples:\n');
    return Math.max(...text.split('\n').map((line) => line.length));
  };
  for (const args of [['--help'], ['keys', '--help'], ['import', '--help'], ['help', 'serve']]) {
    t.ok((await widest(80, ...args)) <= 80, args.join(' '));
    t.ok((await widest(null, ...args)) > 80, 'wider where there is none');
  }
  t.ok((await widest(20, 'import', '--help')) <= 60, 'not a word to a line where it is very narrow');
});

t.test('each option in the help of a command is one that it takes, and the other way round', async (t) => {
  for (const command of COMMANDS) {
    const name = command.words.join(' ');
    const { code, stdout } = await cli([...command.words, '--help']);
    t.equal(code, 0, name);
    t.same((await cli(['help', ...command.words])).stdout, stdout, `help ${name} is the same`);
    const options = stdout.slice(0, stdout.indexOf('\nExamples:\n'));
    const shown = [...options.matchAll(/^ {2}(?:-\w, )?--([a-z-]+)(?: (\S+))?(?= {2}|\n)/gm)].map((found) => ({
      name: found[1] ?? '',
      value: found[2],
    }));
    t.strictSame(
      shown.map((flag) => flag.name),
      flagsOf(command).map((flag) => flag.name),
      name,
    );
    const words = command.arguments.map(({ suggestions }) => suggestions?.[0] ?? 'word');
    for (const flag of shown) {
      const given = flag.value === undefined ? [`--${flag.name}`] : [`--${flag.name}`, flag.value];
      t.ok(parseArguments(command, [...words, ...given]).has(flag.name), `${name} ${given.join(' ')}`);
    }
  }
});

t.test('options of a group stand below its heading, in the columns of the others', async (t) => {
  const { stdout } = await cli(['explain', '--help']);
  const headings = [...stdout.matchAll(/^(\S.*):\n {2}(?:-\w, )?--([a-z-]+)/gm)].map(([, title, first]) => [
    title,
    first,
  ]);
  t.strictSame(headings, [
    ['One request', 'key'],
    ['Replay of recorded requests', 'replay'],
    ['Replay, with --key as "latchkey keys update" would change it', 'name'],
    ['Options', 'config'],
  ]);
  t.match(stdout, '\n  --ip ADDRESS ');
  t.notMatch(stdout, 'as a change of --key');
  const columns = new Set([...stdout.matchAll(/^ {2}--\S+(?: \S+)? {2,}(?=\S)/gm)].map(([left]) => left.length));
  t.equal(columns.size, 1);
});

t.test('the note on what is replaced names every option that gives a list', async (t) => {
  const { stdout } = await cli(['keys', 'update', '--help']);
  t.match(
    stdout.replace(/\s+/g, ' '),
    '--permission, --role, --ip, --country, --user-agent, --hours, --days, --shadow replace all that was there',
  );
});

t.test('the examples in the help parse', async (t) => {
  for (const command of COMMANDS) {
    for (const example of command.examples) {
      const line = example.replace(/^.*?(?=latchkey )/, '').replace(/\)$| > .*$| \| .*$/, '');
      const words = [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map((word) => word[1] ?? word[2] ?? word[3] ?? '');
      t.strictSame(words.slice(1, 1 + command.words.length), command.words, example);
      t.doesNotThrow(() => parseArguments(command, words.slice(1 + command.words.length)), example);
    }
  }
});

t.test('the commands in the guides to explain parse', async (t) => {
  const command = COMMANDS.find(({ words }) => words.join(' ') === 'explain');
  if (command === undefined) throw new Error('there is no explain');
  let checked = 0;
  for (const name of ['explain', 'replay', 'cli']) {
    const text = readFileSync(new URL(`../../docs/${name}.md`, import.meta.url), 'utf8');
    for (const [, line = ''] of text.matchAll(/^(?:\$ |.*\| )?latchkey explain (-[^`\n]+)$/gm)) {
      t.doesNotThrow(() => parseArguments(command, line.split(' ')), line);
      checked++;
    }
  }
  t.ok(checked >= 6, `${checked} commands`);
});

t.test('the version is the one of the package', async (t) => {
  const { code, stdout } = await cli(['--version']);
  t.equal(code, 0);
  t.match(stdout, /^latchkey \d+\.\d+\.\d+\n$/);
  const json = await cli(['--version', '--json']);
  t.equal(`latchkey ${(JSON.parse(json.stdout) as { version: string }).version}\n`, stdout);
  t.match(await complaint(t, '--version', 'x'), /^unexpected argument x/);
});
