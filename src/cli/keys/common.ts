import type { KeyRecord } from '../../core/key.ts';
import type { Management } from '../../wiring.ts';
import type { Args } from '../args.ts';
import type { Argument, Flag } from '../command.ts';
import { DONE } from '../failure.ts';
import type { Io } from '../io.ts';
import { keysConfig, withManagement } from '../management.ts';
import { CONFIG_FLAG, NO_CONFIG_FLAG, STORE_FLAG } from '../options.ts';
import { keyView } from './show-key.ts';

/** What every keys command takes. */
export const STORE_FLAGS: readonly Flag[] = [CONFIG_FLAG, NO_CONFIG_FLAG, STORE_FLAG];

export const ID_ARGUMENT: Argument = { name: 'ID', what: 'the id of a key, like key_0123456789abcdef01234567' };

/** The id that ID_ARGUMENT stands for. */
export function idOf(args: Args): string {
  return args.positionals[0] ?? '';
}

/**
 * Changes one key and says so.
 *
 * @param said what is told to a person: `key_… is disabled`
 */
export async function changeKey(
  args: Args,
  io: Io,
  change: (management: Management) => Promise<KeyRecord>,
  said: (record: KeyRecord) => string,
): Promise<number> {
  await withManagement(await keysConfig(args, io), async (management) => {
    const record = await change(management);
    if (args.has('json')) io.out(JSON.stringify(await keyView(record, management)));
    else io.out(said(record));
  });
  return DONE;
}
