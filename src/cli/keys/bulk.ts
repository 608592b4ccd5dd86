import type { ManagementClient } from '../../management/client.ts';
import type { BulkChange, BulkResult } from '../../management/schemas/bulk.ts';
import { oneLine } from '../../observe/log-text.ts';
import type { Args } from '../args.ts';
import { withClient } from '../client.ts';
import type { Command } from '../command.ts';
import { confirm } from '../confirm.ts';
import { DONE, FAILED, usageError } from '../failure.ts';
import type { Io } from '../io.ts';
import { TARGET_FLAGS, YES_FLAG } from '../options.ts';
import { FILTER_FLAGS, readFilters } from './filters.ts';
import { receiptText } from './receipt.ts';

const ACTIONS = ['revoke', 'disable'] as const;
/** Rounds of one command: the store changes a bounded number of keys in each. */
const MAX_ROUNDS = 1_000;

export const keysBulk: Command = {
  words: ['keys', 'bulk'],
  summary: 'Revokes or disables every key that meets some conditions.',
  arguments: [{ name: 'ACTION', what: 'what to do with the keys', suggestions: ACTIONS }],
  flags: [
    ...FILTER_FLAGS,
    { name: 'id', value: 'ID', repeatable: true, summary: 'Only this key.' },
    { name: 'dry-run', summary: 'Say what would be done, and do nothing.' },
    YES_FLAG,
    ...TARGET_FLAGS,
  ],
  notes: [
    'At least one condition must be given; a key is changed when it meets all of them. It says how many there are and asks, where somebody can answer; elsewhere --yes must be given. The exit code is 1 when a key could not be changed, or when there is no key with an --id that was given.',
  ],
  examples: [
    'latchkey keys bulk revoke --owner alice --dry-run',
    'latchkey keys bulk revoke --owner alice --yes',
    'latchkey keys bulk disable --permission domains:delete --type personal',
  ],
  run,
};

async function run(args: Args, io: Io): Promise<number> {
  const change = readChange(args, io);
  const json = args.has('json');
  const result = await withClient(args, io, async (client) => {
    if (args.has('dry-run')) return changeAll(client, { ...change, dry_run: true });
    if (!args.has('yes')) {
      const planned = await changeAll(client, { ...change, dry_run: true });
      if (planned.changed === 0) return { ...planned, dry_run: false };
      const what = `${ask(change.action)} ${count(planned)}${change.action === 'revoke' ? ', for good' : ''}?`;
      await confirm(what, args, io);
    }
    return changeAll(client, change);
  });
  if (json) io.out(JSON.stringify(result));
  else tell(result, io);
  return result.failed.length === 0 ? DONE : FAILED;
}

function readChange(args: Args, io: Io): BulkChange {
  const action = ACTIONS.find((known) => known === args.positionals[0]) ?? 'disable';
  const filter = { ...readFilters(args, io), ...(args.has('id') ? { ids: [...args.all('id')] } : {}) };
  if (Object.keys(filter).length === 0) {
    throw usageError('expected at least one condition, like --owner ID; see latchkey keys bulk --help');
  }
  return { action, filter };
}

/** Call after call, each from where the one before it ended. */
async function changeAll(client: ManagementClient, change: BulkChange): Promise<BulkResult> {
  let all = await client.bulkChange(change);
  for (let round = 1; all.next !== null && round < MAX_ROUNDS; round++) {
    const part = await client.bulkChange({ ...change, cursor: all.next });
    all = {
      ...part,
      matched: all.matched + part.matched,
      changed: all.changed + part.changed,
      ids: [...all.ids, ...part.ids],
      failed: [...all.failed, ...part.failed],
    };
  }
  return all;
}

function ask(action: BulkResult['action']): string {
  return action === 'revoke' ? 'Revoke' : 'Disable';
}

function count({ changed, next }: BulkResult): string {
  return `${next !== null ? 'at least ' : ''}${changed} ${changed === 1 ? 'key' : 'keys'}`;
}

/** Where nothing was changed there is nothing to know. */
function whoKnows({ changed, propagation }: BulkResult): string {
  return changed === 0 ? '' : `; ${receiptText(propagation)}`;
}

function tell(result: BulkResult, io: Io): void {
  const done = result.action === 'revoke' ? 'revoked' : 'disabled';
  for (const id of result.ids) io.out(oneLine(id));
  for (const { id, detail } of result.failed) io.say(oneLine(`latchkey: ${id}: ${detail}`));
  io.say(
    result.dry_run
      ? `${count(result)} would be ${done}.`
      : oneLine(`${count(result)} ${result.changed === 1 ? 'is' : 'are'} ${done}${whoKnows(result)}.`),
  );
}
