import type { ManagementClient, Versioned } from '../../management/client.ts';
import type { KeyAnswer } from '../../management/schemas/key.ts';
import { oneLine } from '../../observe/log-text.ts';
import type { Args } from '../args.ts';
import { withClient } from '../client.ts';
import type { Argument, Flag } from '../command.ts';
import { DONE } from '../failure.ts';
import type { Io } from '../io.ts';
import { CONFIG_FLAG, NO_CONFIG_FLAG, STORE_FLAG, TARGET_FLAGS, VERSION_FLAG } from '../options.ts';
import { parseCount } from './values.ts';

/** What a command takes that works on the store itself, and on nothing else. */
export const STORE_FLAGS: readonly Flag[] = [CONFIG_FLAG, NO_CONFIG_FLAG, STORE_FLAG];

/** What a command takes that changes what has versions. */
export const CHANGE_FLAGS: readonly Flag[] = [VERSION_FLAG, ...TARGET_FLAGS];

export const ID_ARGUMENT: Argument = { name: 'ID', what: 'the id of a key, like key_0123456789abcdef01234567' };

/** The id that ID_ARGUMENT stands for. */
export function idOf(args: Args): string {
  return args.positionals[0] ?? '';
}

/** What `--if-version` says. */
export function versionOf(args: Args): Versioned {
  const text = args.one('if-version');
  return text === undefined ? {} : { ifMatch: [parseCount('if-version', text)] };
}

/**
 * Changes one key and says so.
 *
 * @param said what is told to a person: `key_… is disabled`
 */
export async function changeKey<Key extends KeyAnswer & { warnings?: readonly string[] }>(
  args: Args,
  io: Io,
  change: (client: ManagementClient, version: Versioned) => Promise<Key>,
  said: (key: Key) => string,
): Promise<number> {
  const version = versionOf(args);
  const key = await withClient(args, io, (client) => change(client, version));
  if (args.has('json')) {
    io.out(JSON.stringify(key));
    return DONE;
  }
  io.out(oneLine(said(key)));
  warn(key.warnings ?? [], io);
  return DONE;
}

/** Says what about a key will probably not work as meant. */
export function warn(warnings: readonly string[], io: Io): void {
  for (const warning of warnings) io.say(oneLine(`latchkey: warning: ${warning}`));
}
