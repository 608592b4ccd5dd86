import { type FileHandle, open } from 'node:fs/promises';
import { isBackup } from '../../management/transfer/backup-format.ts';
import type { Bytes } from '../../management/transfer/text.ts';
import { CliError } from '../failure.ts';
import { fileFailure } from './file-failure.ts';

export const STDIN = '-';
/** What comes through a pipe cannot be read twice, and is kept in memory. */
const MAX_PIPED_BYTES = 256 * 1024 * 1024;

/** Longer than the first line of any backup. */
const HEADER_BYTES = 8_192;

const PIECE_BYTES = 65_536;

/** A file that was named, open to be read more than once. */
export interface Input {
  /** For messages. */
  readonly name: string;
  /** All of it, from the start. */
  bytes(): Bytes;
  close(): Promise<void>;
}

/**
 * Opens a file, or standard input for `-`.
 * @throws CliError `INPUT_FAILED` when it cannot be read
 */
export async function openInput(file: string): Promise<Input> {
  if (file === STDIN) return inMemory('standard input', process.stdin);
  const handle = await attempt(file, () => open(file));
  const stat = await attempt(file, () => handle.stat());
  if (stat.isDirectory()) {
    await handle.close();
    throw new CliError('INPUT_FAILED', `${file} is a folder; expected a file`);
  }
  if (!stat.isFile()) return inMemory(file, handle.createReadStream());
  return { name: file, bytes: () => failingAs(file, fileBytes(handle)), close: () => handle.close() };
}

/** Whether a file begins as a backup does. */
export async function looksLikeBackup(input: Input): Promise<boolean> {
  return isBackup(await firstLine(input.bytes()));
}

/** As far as it tells what the file is. */
async function firstLine(bytes: Bytes): Promise<string> {
  let text = '';
  for await (const chunk of bytes) {
    text += Buffer.from(chunk).toString('latin1');
    if (text.includes('\n') || text.length > HEADER_BYTES) break;
  }
  return text.replace(/^\u00ef\u00bb\u00bf/, '').split('\n', 1)[0] ?? '';
}

/** From the start on each time, whatever was read before. */
async function* fileBytes(handle: FileHandle): AsyncGenerator<Uint8Array> {
  for (let position = 0; ; ) {
    const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(PIECE_BYTES), 0, PIECE_BYTES, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

async function inMemory(name: string, stream: AsyncIterable<unknown>): Promise<Input> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of failingAs(name, stream as Bytes)) {
    size += chunk.length;
    if (size > MAX_PIPED_BYTES) {
      throw new CliError('INPUT_FAILED', `${name} is larger than ${MAX_PIPED_BYTES} bytes; save it to a file first`);
    }
    chunks.push(Buffer.from(chunk));
  }
  return {
    name,
    bytes: async function* () {
      yield* chunks;
    },
    close: async () => undefined,
  };
}

async function* failingAs(name: string, bytes: Bytes): AsyncGenerator<Uint8Array> {
  try {
    yield* bytes;
  } catch (error) {
    throw inputFailed(name, error);
  }
}

async function attempt<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw inputFailed(name, error);
  }
}

function inputFailed(name: string, error: unknown): unknown {
  const why = fileFailure(error, 'there is no such file');
  return why === null ? error : new CliError('INPUT_FAILED', `${name} cannot be read: ${why}`);
}
