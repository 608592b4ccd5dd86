import { userInfo } from 'node:os';
import { given } from '../../core/given.ts';
import type { KeyCreate } from '../../management/schemas/key.ts';
import { oneLine } from '../../observe/log-text.ts';
import type { Args } from '../args.ts';
import { type Target, target, withTarget } from '../client.ts';
import type { Command } from '../command.ts';
import { DONE, usageError } from '../failure.ts';
import type { Io } from '../io.ts';
import { TARGET_FLAGS } from '../options.ts';
import { warn } from './common.ts';
import { deliverSecret } from './deliver.ts';
import { FIELD_FLAGS, fieldsOf, NOTHING, readFields } from './fields.ts';
import { timeText } from './show-key.ts';

const USUAL_TYPE = 'personal';

export const keysCreate: Command = {
  words: ['keys', 'create'],
  summary: 'Makes a key and prints its secret, which is shown this once and stored only as a hash.',
  arguments: [],
  flags: [
    {
      name: 'type',
      value: 'TYPE',
      summary:
        'What it is for: personal, organization, service, or as the configuration has it. Brings tier and expiry.',
      suggestions: ['personal', 'organization', 'service'],
    },
    ...FIELD_FLAGS,
    ...TARGET_FLAGS,
  ],
  notes: [
    '--name must be given. The type is personal unless --type says another (where that is configured), the owner is the user who runs this (with --server, whom the token names) unless --owner says another. The secret alone goes to standard output, so that a script can take it from there.',
  ],
  examples: [
    'latchkey keys create --name "CI pipeline" --type service --permission domains:read',
    'latchkey keys create --name laptop --type personal --preset read_only --expires 30d --ip 192.0.2.0/24',
    'latchkey keys create --name office --type personal --preset read_only --hours 09:00-17:00 --days mon-fri --timezone Europe/Amsterdam',
    "latchkey keys create --name robot --type service --permission '*' --json",
  ],
  run,
};

async function run(args: Args, io: Io): Promise<number> {
  const options = readFields(args);
  const to = await target(args, io);
  const name = args.one('name');
  if (name === undefined) throw usageError('option --name is missing: what people call the key');
  const body = { ...fieldsOf(options, NOTHING, io.clock.now()), ...belonging(args, to), name };
  const { warnings, ...issued } = await withTarget(to, (client) => client.createKey(body));
  if (args.has('json')) {
    await deliverSecret(io, JSON.stringify({ ...issued, warnings }), issued.id, 'made');
    return DONE;
  }
  io.say(`Created ${issued.id} (${oneLine(issued.name)}), which expires ${expiry(issued.expires_at)}.`);
  warn(warnings, io);
  io.say('This is its secret. It is shown once: keep it now.');
  await deliverSecret(io, issued.secret, issued.id, 'made');
  return DONE;
}

/** Whose the key is and of which type; a gateway knows both when they are not said. */
function belonging(args: Args, to: Target): Pick<KeyCreate, 'type' | 'owner'> {
  const type = args.one('type');
  const owner = args.one('owner');
  if (to.kind === 'server') return given({ type, owner });
  const { keyTypes } = to.config;
  if (type === undefined && !Object.hasOwn(keyTypes, USUAL_TYPE)) {
    throw usageError(`option --type is missing; expected one of ${Object.keys(keyTypes).join(', ')}`);
  }
  return { type: type ?? USUAL_TYPE, owner: owner ?? userName() };
}

function expiry(time: string | null): string {
  return time === null ? 'never' : `on ${timeText(time)}`;
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // In a container the user may have a number and no name.
    throw usageError('option --owner is missing, and the user who runs this has no name');
  }
}
