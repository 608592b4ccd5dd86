import { createHash } from 'node:crypto';
import type { KeyRecord } from '../../core/key.ts';
import type { Role } from '../../core/role.ts';
import { BACKUP_VERSION, type BackupFooter, readHeader, readLine } from './backup-format.ts';
import { type RowFault, TransferError } from './fault.ts';
import type { Line } from './text.ts';

/** What a backup holds, line by line. */
export type BackupItem =
  | { readonly kind: 'role'; readonly line: number; readonly role: Role }
  | { readonly kind: 'key'; readonly line: number; readonly record: KeyRecord }
  | { readonly kind: 'wrong'; readonly fault: RowFault };

/**
 * Reads a backup in little memory. Whether it is whole is known when its last line was read: nothing of it may be written
 * before then.
 *
 * @throws TransferError when it is no backup, one that cannot be restored, or not whole
 */
export async function* readBackup(lines: AsyncIterable<Line>): AsyncGenerator<BackupItem> {
  const sum = createHash('sha256');
  const count = { roles: 0, keys: 0 };
  let isFirst = true;
  let hasEnded = false;
  for await (const { number, text } of lines) {
    if (hasEnded) throw new TransferError(number, 'something follows the last line of the backup');
    if (isFirst) {
      checkHeader(text);
      isFirst = false;
    } else {
      const found = readLine(text);
      if (found.kind === 'footer') {
        checkFooter(found.footer, number, count, sum.digest('hex'));
        hasEnded = true;
        continue;
      }
      // One that cannot be understood counts as a key, as it most likely is: the sum says whether it was changed.
      if (found.kind === 'role') count.roles++;
      else count.keys++;
      yield itemOf(found, number);
    }
    sum.update(`${text}\n`);
  }
  if (!hasEnded)
    throw new TransferError(null, 'the backup is not whole: its last line is missing, so its end was cut off');
}

function itemOf(found: Exclude<ReturnType<typeof readLine>, { kind: 'footer' }>, line: number): BackupItem {
  if (found.kind === 'role') return { kind: 'role', line, role: found.role };
  if (found.kind === 'key') return { kind: 'key', line, record: found.record };
  return { kind: 'wrong', fault: { line, field: found.field, message: found.message } };
}

function checkHeader(text: string): void {
  const header = readHeader(text);
  if (header === null) throw new TransferError(1, 'is no backup: its first line is not that of "latchkey export"');
  if (header.version !== BACKUP_VERSION) {
    throw new TransferError(
      1,
      `is a backup of version ${header.version}; this program reads version ${BACKUP_VERSION}`,
    );
  }
  if (header.hashes) return;
  throw new TransferError(1, 'was made with --without-hashes: no secret would open its keys, so it cannot be restored');
}

function checkFooter(
  footer: BackupFooter,
  line: number,
  count: { readonly roles: number; readonly keys: number },
  sha256: string,
): void {
  if (footer.sha256 !== sha256) throw new TransferError(line, 'the backup was changed: its SHA-256 is another');
  if (footer.roles === count.roles && footer.keys === count.keys) return;
  const says = `${footer.roles} roles and ${footer.keys} keys, it holds ${count.roles} and ${count.keys}`;
  throw new TransferError(line, `the backup is not whole: it says ${says}`);
}
