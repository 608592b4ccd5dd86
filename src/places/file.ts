import { constants } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { PlacesError } from '../core/places.ts';
import { asPlacesError } from './record.ts';

const CHUNK_BYTES = 1024 * 1024;

/** A file as it was at one moment. */
export interface FileLook {
  /** Another text for another file, and for the same one after it was written to. */
  readonly fingerprint: string;
  /** When it was written, in milliseconds since the epoch. */
  readonly writtenAt: number;
}

export interface ReadFile extends FileLook {
  readonly bytes: Buffer;
}

/**
 * Looks at a file, without reading it.
 *
 * @param setting the setting that names it, for the error
 * @throws PlacesError when there is no such file
 */
export async function lookAt(setting: string, path: string): Promise<FileLook> {
  try {
    return lookOf(await stat(path, { bigint: true }));
  } catch (error) {
    throw unreadable(error, setting, path);
  }
}

/**
 * Reads a whole file, in pieces so that requests are served meanwhile.
 *
 * @param limit bytes
 * @returns null when it was written to while it was read. One that was written to just before, within the few
 *   milliseconds that a file system counts as one moment, may be half new all the same
 * @throws PlacesError when it cannot be read, or is longer
 */
export async function readPlacesFile(setting: string, path: string, limit: number): Promise<ReadFile | null> {
  let handle: FileHandle | null = null;
  try {
    // Of a pipe, to open it would wait for somebody to write.
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const before = await handle.stat({ bigint: true });
    if (before.isDirectory()) throw Object.assign(new Error('a folder'), { code: 'EISDIR' });
    if (!before.isFile()) throw invalidFile(setting, path, 'is no regular file');
    if (before.size > limit) {
      throw invalidFile(setting, path, `is too long; expected at most ${limit / 1024 / 1024}MiB`);
    }
    const bytes = Buffer.allocUnsafeSlow(Number(before.size));
    const isWhole = await fill(bytes, handle);
    const after = await handle.stat({ bigint: true });
    // That another file took its place meanwhile changes nothing in this one.
    const isSame = after.size === before.size && after.mtimeNs === before.mtimeNs;
    return isWhole && isSame ? { ...lookOf(before), bytes } : null;
  } catch (error) {
    throw unreadable(error, setting, path);
  } finally {
    // A file that was only read loses nothing when closing it fails.
    await handle?.close().catch(() => undefined);
  }
}

/** @returns whether the file had so many bytes */
async function fill(bytes: Buffer, handle: FileHandle): Promise<boolean> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesRead } = await handle.read(bytes, at, Math.min(CHUNK_BYTES, bytes.length - at), at);
    if (bytesRead === 0) return false;
    at += bytesRead;
  }
  return true;
}

function lookOf(stats: {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly mtimeMs: bigint;
}): FileLook {
  // The time of its last change of any kind tells of one that kept the time of writing, as rsync does.
  const { dev, ino, size, mtimeNs, ctimeNs } = stats;
  return { fingerprint: [dev, ino, size, mtimeNs, ctimeNs].join(), writtenAt: Number(stats.mtimeMs) };
}

function unreadable(error: unknown, setting: string, path: string): PlacesError {
  return asPlacesError(error, setting, `${JSON.stringify(path)} cannot be read`);
}

/** @param problem what is wrong with the file, like `is empty; expected …` */
export function invalidFile(setting: string, path: string, problem: string): PlacesError {
  return new PlacesError('PLACES_INVALID', setting, `${JSON.stringify(path)} ${problem}`);
}

/** @throws PlacesError for a file that was written to while it was read */
export function unchanging(file: ReadFile | null, setting: string, path: string): ReadFile {
  if (file !== null) return file;
  throw invalidFile(setting, path, 'changes while it is read; expected a file that is replaced as a whole');
}
