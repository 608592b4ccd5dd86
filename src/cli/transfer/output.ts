import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type FileHandle, lstat, open, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { CliError } from '../failure.ts';
import type { Io } from '../io.ts';
import { fileFailure } from './file-failure.ts';

/** Characters that are written at a time. */
const PIECE = 65_536;

/**
 * Writes a file that is there whole or not at all, for its owner's eyes only: beside its place first, and moved there when
 * it is on the disk.
 *
 * @throws CliError `OUTPUT_FAILED` when it cannot be written; what was there before stays
 */
export async function writeFileWhole(file: string, pieces: AsyncIterable<string> | Iterable<string>): Promise<void> {
  await mustBeReplaceable(file);
  const draft = join(dirname(file), `.${basename(file)}.${randomBytes(6).toString('hex')}.part`);
  const handle = await attempt(file, () => open(draft, 'wx', 0o600));
  try {
    try {
      for await (const text of batched(pieces)) await attempt(file, () => handle.writeFile(text));
      await attempt(file, () => handle.sync());
    } finally {
      await handle.close();
    }
    await attempt(file, () => rename(draft, file));
  } catch (error) {
    await unlink(draft).catch(() => undefined);
    throw error;
  }
  await syncFolder(dirname(file));
}

/** Writes to standard output, no faster than it is read. */
export async function writeOut(io: Io, pieces: AsyncIterable<string>): Promise<void> {
  for await (const text of batched(pieces)) {
    // A line feed is added.
    io.out(text.endsWith('\n') ? text.slice(0, -1) : text);
    if (process.stdout.writableNeedDrain) await once(process.stdout, 'drain');
  }
}

/** Lines together, so that each does not cost a write. */
async function* batched(pieces: AsyncIterable<string> | Iterable<string>): AsyncGenerator<string> {
  let batch = '';
  for await (const piece of pieces) {
    batch += piece;
    if (batch.length < PIECE) continue;
    yield batch;
    batch = '';
  }
  if (batch !== '') yield batch;
}

/** A device or a pipe would be gone, and a file be in its place. */
async function mustBeReplaceable(file: string): Promise<void> {
  const found = await lstat(file).catch(() => null);
  if (found === null || found.isFile()) return;
  throw new CliError('OUTPUT_FAILED', `${file} is there and is no file; expected the name of a file`);
}

/** The new name is on the disk as well then. Some file systems cannot do that, and do not need it. */
async function syncFolder(folder: string): Promise<void> {
  const handle: FileHandle | null = await open(folder).catch(() => null);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}

async function attempt<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const why = fileFailure(error, 'there is no such folder');
    if (why === null) throw error;
    throw new CliError('OUTPUT_FAILED', `${file} cannot be written: ${why}`);
  }
}
