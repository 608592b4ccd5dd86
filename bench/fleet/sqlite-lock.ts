/** Keeps everybody else from writing SQLite files until it ends. argv: the files. */
import { DatabaseSync } from 'node:sqlite';

/** Others hold a file for a moment at a time. */
const TIMEOUT_MS = 10_000;

const held = process.argv.slice(2).map((file) => {
  const db = new DatabaseSync(file, { timeout: TIMEOUT_MS });
  db.exec('BEGIN EXCLUSIVE');
  return db;
});
process.stdout.write('locked\n');
process.once('SIGTERM', () => {
  for (const db of held) db.close();
  process.exit();
});
// Nothing else keeps it running.
setInterval(() => undefined, 60_000);
