import { userInfo } from 'node:os';
import type { Config } from '../../config/config.ts';
import { oneLine } from '../../observe/log-text.ts';
import type { Args } from '../args.ts';
import type { Command } from '../command.ts';
import { DONE, usageError } from '../failure.ts';
import type { Io } from '../io.ts';
import { keysConfig, withManagement } from '../management.ts';
import { STORE_FLAGS } from './common.ts';
import { FIELD_FLAGS, fieldsOf, NOTHING, readFields } from './fields.ts';
import { keyView, timeText } from './show-key.ts';

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
    ...STORE_FLAGS,
  ],
  notes: [
    '--name must be given. The type is personal unless --type says another (where that is configured), the owner is the user who runs this unless --owner says another. The secret alone goes to standard output, so that a script can take it from there.',
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
  const config = await keysConfig(args, io);
  const name = args.one('name');
  const type = args.one('type') ?? usualType(config);
  if (name === undefined) throw usageError('option --name is missing: what people call the key');
  if (type === undefined) {
    throw usageError(`option --type is missing; expected one of ${Object.keys(config.keyTypes).join(', ')}`);
  }
  const owner = args.one('owner') ?? userName();
  await withManagement(config, async (management) => {
    const fields = fieldsOf(options, NOTHING, management.clock.now());
    const { record, secret } = await management.keys.create({ ...fields, name, type, owner });
    const view = await keyView(record, management);
    if (args.has('json')) {
      io.out(JSON.stringify({ ...view, secret }));
      return;
    }
    io.say(`Created ${record.id} (${oneLine(record.name)}), which expires ${expiry(view.expires_at)}.`);
    io.say('This is its secret. It is shown once: keep it now.');
    io.out(secret);
  });
  return DONE;
}

/** What a key is for when nobody says: a person. */
function usualType({ keyTypes }: Config): string | undefined {
  return Object.hasOwn(keyTypes, USUAL_TYPE) ? USUAL_TYPE : undefined;
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
