/** The command lines that `explain` writes below changes do what the changes say. */
import { spawnSync } from 'node:child_process';
import t from 'tap';
import { commandFor } from '../../src/cli/explain/change-commands.ts';
import { EXPLANATION } from '../../src/management/schemas/examples-explain.ts';
import { type ExplanationAnswer, explanation } from '../../src/management/schemas/explain.ts';
import { keysIn } from './keys-fixture.ts';
import { cli } from './run.ts';

const WORKDAYS = ['monday', 'tuesday'];

/** Fields as a change sets them, and what was there before, as options of `keys update`. */
const CHANGES: readonly (readonly [before: readonly string[], set: Readonly<Record<string, unknown>>])[] = [
  [['--ip', '192.0.2.1'], { ip_restrictions: ['192.0.2.1', '2001:db8::/32'] }],
  [['--ip', '192.0.2.1'], { ip_restrictions: [] }],
  [['--user-agent', 'a*'], { user_agent_restrictions: ['--odd', 'it\'s $HOME; `rm` "x" \\'] }],
  [['--user-agent', 'a*'], { user_agent_restrictions: [] }],
  [['--block-tor'], { block_tor: false }],
  [[], { block_tor: true }],
  [['--hours', '09:00-10:00'], { time_restrictions: null }],
  [
    ['--hours', '09:00-10:00', '--days', 'fri'],
    { time_restrictions: { timezone: 'Europe/Amsterdam', allowed_hours: [], allowed_days: WORKDAYS } },
  ],
  [
    ['--hours', '09:00-10:00', '--days', 'fri'],
    { time_restrictions: { timezone: 'UTC', allowed_hours: ['01:00-02:00', '03:00-04:00'], allowed_days: [] } },
  ],
  [['--permission', 'devices:read'], { permissions: ['*'] }],
  [['--preset', 'read_only'], { preset: null }],
  [[], { preset: 'read_only' }],
  [['--shadow', 'ip'], { shadow: ['limits', 'time'] }],
  [['--shadow', 'ip'], { shadow: [] }],
  [[], { tier: 'large' }],
  [[], { expires_at: '2099-01-01T00:00:00.000Z' }],
  [['--expires', '30d'], { expires_at: null }],
  [[], { ip_restrictions: ['192.0.2.1'], block_tor: true }],
];

/** An explanation of a key, and a change that it would have. */
function explained(id: string, set: Readonly<Record<string, unknown>> | null, code: ExplanationAnswer['code'] = null) {
  const whole = explanation.parse(EXPLANATION);
  const check = {
    check: 'key-status',
    restriction: null,
    verdict: 'denied',
    code,
    detail: '',
    passes_at: null,
  } as const;
  const change = { change: 'x', set: set === null ? null : { ...set }, for: 'key-status', suffices: true };
  return { change, answer: { ...whole, key: { id, name: 'x' }, checks: [check] } };
}

/** Runs what a person would paste into a shell. */
async function paste(command: string): Promise<void> {
  for (const each of command.split(' && ')) {
    const { stdout } = spawnSync('sh', ['-c', `printf '%s\\0' ${each}`], { encoding: 'utf8' });
    const [program, ...args] = stdout.split('\0').slice(0, -1);
    const { code, stderr } = await cli(args);
    if (program !== 'latchkey' || code !== 0) throw new Error(`${each}: ${stderr}`);
  }
}

t.test('every field that a change can set', async (t) => {
  const keys = keysIn(t);
  for (const [before, set] of CHANGES) {
    const { id } = await keys.json('create', '--name', 'x', ...before);
    const { change, answer } = explained(id, set);
    const command = commandFor(change, answer, ['--config', keys.config]);
    await paste(command ?? '');
    const { granted_permissions: permissions, ...shown } = await keys.json('show', id);
    t.match({ ...shown, permissions }, set, command ?? '');
    const fields = { ...shown, permissions } as Record<string, unknown>;
    for (const [field, value] of Object.entries(set)) t.strictSame(fields[field], value, command ?? '');
  }
});

t.test('limits are those that the change names, and no others', async (t) => {
  const keys = keysIn(t);
  const { id } = await keys.json('create', '--name', 'x', '--per-hour', '7', '--burst', '3');
  const { change, answer } = explained(id, { limits: { per_hour: 9, per_day: 99 } });
  await paste(commandFor(change, answer, ['--config', keys.config]) ?? '');
  t.strictSame((await keys.json('show', id)).limit_overrides, { per_hour: 9, per_day: 99 });
});

t.test('a key that is disabled is enabled, and then changed where that is needed too', async (t) => {
  const { change, answer } = explained('key_1', null, 'key_disabled');
  t.equal(commandFor(change, answer, []), 'latchkey keys enable key_1');
  const both = explained('key_1', { expires_at: null }, 'key_disabled');
  t.equal(
    commandFor(both.change, both.answer, ['--store', 'sqlite:my keys.db']),
    "latchkey keys enable key_1 --store 'sqlite:my keys.db' && latchkey keys update key_1 --expires never --store 'sqlite:my keys.db'",
  );
});

t.test('where there is no command line, there is none', async (t) => {
  const of = (set: Readonly<Record<string, unknown>> | null): string | null => {
    const { change, answer } = explained('key_1', set);
    return commandFor(change, answer, []);
  };
  t.equal(of(null), null, 'what is not of the key');
  t.equal(of({ phase_of_moon: ['full'] }), null, 'a field of a version to come');
  t.equal(of({ ip_restrictions: 'any' }), null);
  t.equal(of({ user_agent_restrictions: ['a\u001b[2Jb'] }), null, 'what cannot be shown as it is');
});
