import type { AuditHead } from '../../core/audit.ts';
import type { Args } from '../args.ts';
import { type Target, target, withTarget } from '../client.ts';
import type { Command } from '../command.ts';
import { DONE, FAILED, usageError } from '../failure.ts';
import type { Io } from '../io.ts';
import { withManagement } from '../management.ts';
import { TARGET_FLAGS } from '../options.ts';
import type { Verified, VerifyOptions } from './verified.ts';

export const auditVerify: Command = {
  words: ['audit', 'verify'],
  summary: 'Checks that no entry of the audit log was changed or removed.',
  arguments: [],
  flags: [
    {
      name: 'expect',
      value: 'SEQ:HASH',
      repeatable: true,
      summary: 'A head that an earlier run printed: that entry must be there, and be the same.',
    },
    ...TARGET_FLAGS,
  ],
  notes: [
    'Each entry has a hash that covers the one before. Whoever can write to the store could make the whole chain anew: note the head that this prints somewhere else, and give it with --expect the next time. The exit code is 1 when something is wrong.',
    'With --server the entries are read over the API, which cannot tell that the end is missing unless --expect does.',
  ],
  examples: [
    'latchkey audit verify',
    'latchkey audit verify --expect 1204:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  ],
  run,
};

async function run(args: Args, io: Io): Promise<number> {
  const options: VerifyOptions = {
    expected: args.all('expect').map(readHead),
    onProgress: (entries) => io.progress(`${entries} entries`),
  };
  const to = await target(args, io);
  const verified = await verify(to, options);
  io.progress('');
  if (args.has('json')) io.out(JSON.stringify(answer(verified)));
  else tell(verified, io);
  return verified.fault === null ? DONE : FAILED;
}

async function verify(to: Target, options: VerifyOptions): Promise<Verified> {
  if (to.kind === 'server') {
    const { verifyRemote } = await import('./remote-chain.ts');
    return withTarget(to, (client) => verifyRemote(client, options));
  }
  const { verifyStored } = await import('./stored-chain.ts');
  return withManagement(to.config, ({ store }) => verifyStored(store.audit, options));
}

function readHead(text: string): AuditHead {
  const [, seq, hash] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text) ?? [];
  if (seq !== undefined && hash !== undefined) return { seq: Number(seq), hash };
  throw usageError(
    `--expect: "${text}" is no head; expected a number and a hash, as "latchkey audit verify" prints it`,
  );
}

function answer({ entries, first, firstAt, lastAt, head, fault }: Verified): object {
  return { ok: fault === null, fault, entries, first, first_at: firstAt, last_at: lastAt, head: headText(head) };
}

function tell({ entries, first, firstAt, lastAt, head, fault }: Verified, io: Io): void {
  if (fault !== null) {
    io.say(`latchkey: the audit log is broken: ${fault}`);
    return;
  }
  if (entries === 0) {
    io.out('The audit log is empty.');
  } else {
    const removed =
      first === null || first === 1 ? '' : ` (entries before ${first} are gone, as retention would have it)`;
    io.out(
      `The audit log is whole: ${entries} ${entries === 1 ? 'entry' : 'entries'}${removed}, ${firstAt} to ${lastAt}.`,
    );
  }
  io.out(`Head: ${headText(head)}`);
}

function headText({ seq, hash }: AuditHead): string {
  return `${seq}:${hash}`;
}
