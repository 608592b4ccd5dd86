import { createReadStream } from 'node:fs';
import type { Store } from '../../core/ports.ts';
import { CliError } from '../failure.ts';
import { fileFailure } from '../transfer/file-failure.ts';
import { linesOf } from './replay-lines.ts';
import { type Found, fromStore, readLine } from './replay-parse.ts';

const STDIN = '-';
const CHUNK_BYTES = 256 * 1024;
/** What is asked of the store at a time. */
const PAGE = 1_000;

/** What was found, a piece at a time; each piece with the number of its line, null where there are no lines. */
export type Source = AsyncIterable<readonly FoundAt[]>;

interface FoundAt {
  /** 1 for the first. */
  readonly line: number | null;
  readonly found: Found;
}

/**
 * The requests in a file of lines, or in standard input for `-`; empty lines are passed over.
 *
 * @param keyId whose entries are that name no key; null: nobody says
 * @throws CliError `INPUT_FAILED` when it cannot be read
 */
export async function* requestsInFile(file: string, keyId: string | null): Source {
  const name = nameOfFile(file);
  let number = 0;
  for await (const lines of linesOf(bytesOf(file, name), name)) {
    const piece: FoundAt[] = [];
    for (const text of lines) {
      number++;
      if (text === null) piece.push({ line: number, found: 'unreadable_line' });
      else if (text !== '') for (const found of readLine(text, keyId)) piece.push({ line: number, found });
    }
    yield piece;
  }
}

/** What a file is called in messages. */
export function nameOfFile(file: string): string {
  return file === STDIN ? 'standard input' : file;
}

async function* bytesOf(file: string, name: string): AsyncGenerator<Uint8Array> {
  const stream = file === STDIN ? process.stdin : createReadStream(file, { highWaterMark: CHUNK_BYTES });
  try {
    for await (const chunk of stream) yield chunk as Buffer;
  } catch (error) {
    if (error instanceof CliError) throw error;
    const isFolder = error instanceof Error && 'code' in error && error.code === 'EISDIR';
    const why = isFolder ? 'it is a folder' : fileFailure(error, 'there is no such file');
    throw why === null ? error : new CliError('INPUT_FAILED', `${name} cannot be read: ${why}`);
  }
}

/**
 * The requests that the store keeps, those of each key oldest first.
 *
 * @param keyId null: of all keys
 * @param from  from this time on, and up to and including `to`; milliseconds since the epoch
 * @throws StoreError
 */
export async function* requestsInStore(
  store: Pick<Store, 'keys' | 'requests'>,
  keyId: string | null,
  { from, to }: { readonly from: number; readonly to: number },
): Source {
  for await (const id of keyId === null ? keyIds(store) : [keyId]) {
    let after: string | null = null;
    for (let more = true; more; ) {
      const bounds = { ...(Number.isFinite(from) ? { from } : {}), ...(Number.isFinite(to) ? { to } : {}) };
      const query = { keyId: id, limit: PAGE, order: 'oldest' as const, ...bounds };
      const page = await store.requests.read({ ...query, ...(after === null ? {} : { after }) });
      yield page.entries.map((entry) => ({ line: null, found: fromStore(entry) }));
      after = page.last ?? after;
      more = page.more;
    }
  }
}

async function* keyIds({ keys }: Pick<Store, 'keys'>): AsyncGenerator<string> {
  let after: string | null = null;
  do {
    const page = await keys.list({ limit: PAGE, ...(after === null ? {} : { after }) });
    yield* page.keys.map(({ id }) => id);
    after = page.next;
  } while (after !== null);
}
