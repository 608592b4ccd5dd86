import { createHash } from 'node:crypto';
import type { Clock } from '../../core/clock.ts';
import type { Store } from '../../core/ports.ts';
import {
  BACKUP_FORMAT,
  BACKUP_VERSION,
  type BackupFooter,
  type BackupHeader,
  keyLine,
  roleLine,
} from './backup-format.ts';
import { type ExportFilters, keyStream } from './key-stream.ts';

export interface ExportOptions {
  readonly store: Pick<Store, 'keys' | 'roles'>;
  readonly clock: Clock;
  readonly filters: ExportFilters;
  readonly watcher: ExportWatcher;
}

/** Is told how an export goes. */
export interface ExportWatcher {
  onKey(): void;
  /** A key whose record cannot be understood is left out. */
  onUnreadable(id: string): void;
}

/** The lines of a backup of the store, each with its end. No more than a page of keys is in memory. */
export async function* backupLines(
  { store, clock, filters, watcher }: ExportOptions,
  hashes: boolean,
): AsyncGenerator<string> {
  const sum = createHash('sha256');
  const count = { roles: 0, keys: 0, unreadable: 0 };
  const line = (text: string): string => {
    sum.update(`${text}\n`);
    return `${text}\n`;
  };
  const unreadable = (id: string): void => {
    count.unreadable++;
    watcher.onUnreadable(id);
  };
  const now = clock.now();
  const created = new Date(now).toISOString();
  const header: BackupHeader = {
    format: BACKUP_FORMAT,
    version: BACKUP_VERSION,
    created_at: created,
    hashes,
    filters: { ...filters },
  };
  yield line(JSON.stringify(header));
  for (const role of await store.roles.list()) {
    count.roles++;
    yield line(roleLine(role));
  }
  for await (const record of keyStream(store.keys, filters, now, unreadable)) {
    const text = written(() => keyLine(record, hashes));
    if (text === null) unreadable(record.id);
    else {
      count.keys++;
      watcher.onKey();
      yield line(text);
    }
  }
  const footer: BackupFooter = { ...count, sha256: sum.digest('hex') };
  yield `${JSON.stringify({ footer })}\n`;
}

/** null: the record holds a time that no calendar has. */
export function written(write: () => string): string | null {
  try {
    return write();
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}
