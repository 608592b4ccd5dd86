/**
 * The thread behind `checkpoints.ts`: brings the write-ahead log of a file into the file, when it is told to. It opens the
 * file for that time only, so that it holds nothing open when the store is closed.
 */
import { constants, platform, setPriority } from 'node:os';
import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';

/** What comes while one pass runs is for the next; each has less to do. Only after a pass that left nothing can the log begin anew. */
const MAX_PASSES = 4;

/** @returns whether all of the log is in the file now */
function checkpoint(file: string): boolean {
  const db = new DatabaseSync(file, { timeout: 0 });
  try {
    // As the connections that write: NORMAL brings what was written to the disk at a checkpoint.
    db.exec('PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0');
    const pass = db.prepare('PRAGMA wal_checkpoint(PASSIVE)');
    for (let i = 0; i < MAX_PASSES; i++) {
      const { busy, log, checkpointed } = pass.get() ?? {};
      if (busy !== 0) return false;
      if (log === checkpointed) return true;
    }
    return false;
  } finally {
    db.close();
  }
}

if (platform() === 'linux') {
  try {
    // There it is this thread's alone: what serves requests comes first where they share a core. Not the lowest, with which
    // a checkpoint on a busy core took seconds.
    setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // Some places forbid it; then it is no worse than before.
  }
}

const { files } = workerData as { readonly files: readonly string[] };
parentPort?.on('message', (index: number) => {
  try {
    parentPort?.postMessage({ index, isWhole: checkpoint(files[index] as string) }, []);
  } catch {
    // The connections that write will meet the same, and say so.
    parentPort?.postMessage({ index, isWhole: false }, []);
  }
});
