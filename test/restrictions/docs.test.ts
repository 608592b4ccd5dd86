/** What the documents on restrictions say is what the program does. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { keyUpdate } from '../../src/management/schemas/key.ts';
import { RESTRICTIONS } from '../../src/restrictions/index.ts';
import { keysIn } from '../cli/keys-fixture.ts';
import { complaints } from '../support/config.ts';
import { view } from '../support/keys.ts';
import { administer } from '../support/management.ts';
import { restricted } from './restricted.ts';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const GUIDE = read('docs/restrictions.md');

/** The blocks of code in one language, each without its fence. */
function blocks(text: string, language: string): string[] {
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(([, block = '']) => block);
}

t.test('the walk through adding a restriction shows the file as it is, and the lines as they are', async (t) => {
  const walk = read('docs/adding-a-restriction.md');
  const shown = [...walk.matchAll(/^<!-- (file|in): (\S+) -->\n```ts\n(.*?)^```$/gms)];
  t.strictSame(
    shown.map(([, how, path]) => `${how} ${path}`),
    ['file src/restrictions/user-agent.ts', 'in src/restrictions/index.ts', 'in src/core/denial.ts'],
  );
  for (const [, how, path = '', code = ''] of shown) {
    if (how === 'file') t.equal(code, read(path), `${path} is shown whole, and as it is`);
    else t.ok(code.trim() !== '' && `\n${read(path)}`.includes(`\n${code}`), `${path} has ${code}`);
  }
});

t.test(
  'the guide lists every restriction with its field, its option and its code, in the order of the checks',
  async (t) => {
    const rows = [...GUIDE.matchAll(/^\| `(\w+)` \| `(\w+)` \| (`.*`) \| `(\w+)` \|$/gm)].map((row) => row.slice(1));
    t.strictSame(
      rows,
      RESTRICTIONS.map(({ name, field, option, code }) => [
        name,
        field,
        option === null ? '`--hours`, `--days`, `--timezone`' : `\`--${option.name}\``,
        code,
      ]),
    );
  },
);

t.test('bodies of the guide are taken, and so are its settings', async (t) => {
  const { admin } = await administer(t);
  const { id } = await admin.createKey({ name: 'x' });
  const bodies = blocks(GUIDE, 'json').filter((text) => !text.includes('"code"'));
  t.equal(bodies.length, 2);
  for (const text of bodies) {
    const body = keyUpdate.parse(JSON.parse(text));
    t.match(await admin.updateKey(id, body), body);
  }
  const settings = blocks(GUIDE, 'yaml');
  t.equal(settings.length, 2);
  for (const text of settings) t.strictSame(complaints(text), [], text);
});

t.test('commands of the guide do what they say', async (t) => {
  const keys = keysIn(t);
  const { id } = await keys.json('create', '--name', 'x', '--type', 'service');
  const commands = [
    ...blocks(GUIDE, ''),
    ...[...GUIDE.matchAll(/`(latchkey keys update [^`]+)`/g)].map(([, text]) => text),
  ]
    .join('\n')
    .split('\n')
    .filter((line) => line.startsWith('latchkey keys update'));
  t.ok(commands.length >= 6, `${commands.length} commands`);
  for (const command of commands) {
    const words = command
      .replace(/\b(KEY_)?ID\b/, id)
      .split(' ')
      .slice(2);
    const { code, stderr } = await keys.run(...words.map((word) => word.replaceAll("'", '')));
    t.equal(code, 0, `${command}: ${stderr}`);
  }
});

t.test('the refusal in the guide is the one that such a key gives', async (t) => {
  const text = blocks(GUIDE, 'json').find((each) => each.includes('"code"')) ?? '';
  const rule = { timezone: 'Europe/Amsterdam', allowed_hours: ['09:00-17:00'], allowed_days: ['monday'] };
  const denial = restricted({ time_restrictions: rule })(view({ at: Date.parse('2027-01-14T12:00:00Z') }));
  t.strictSame(JSON.parse(text), { code: denial?.code, detail: denial?.detail, ...denial?.facts });
});
