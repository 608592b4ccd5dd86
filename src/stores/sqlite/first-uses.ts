import { randomUUID } from 'node:crypto';
import type { SQLOutputValue } from 'node:sqlite';
import type { UsageStore } from '../../core/usage.ts';
import { type Connection, transaction } from './transaction.ts';

/** Keys moved at a time. */
const BATCH = 1_000;

/**
 * Moves the last uses that the first format kept in the main file to where they are kept now. Whatever interrupts it,
 * the next start goes on: of two times the later one wins, so none is harmed by being moved twice.
 */
export async function moveFirstUses(main: Connection, usage: UsageStore): Promise<void> {
  const read = main.db.prepare('SELECT key_id, last_used_at, previous_last_used_at FROM usage LIMIT ?');
  const drop = main.db.prepare('DELETE FROM usage WHERE key_id = ?');
  const writer = `first-format-${randomUUID()}`;
  for (let number = 1; ; number++) {
    const uses = read.all(BATCH).map((row) => ({
      keyId: String(row['key_id']),
      lastUsedAt: timeOf(row['last_used_at']),
      previousLastUsedAt: timeOf(row['previous_last_used_at']),
    }));
    if (uses.length === 0) return;
    await usage.record({ writer, number, uses, deltas: [], keepFrom: 0 });
    await transaction(main, () => {
      for (const { keyId } of uses) drop.run(keyId);
    });
  }
}

function timeOf(value: SQLOutputValue | undefined): number | null {
  return typeof value === 'number' ? value : null;
}
