import { hash, randomBytes } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PlacesError } from '../core/places.ts';
import { type Validators, validators } from './fetch-list.ts';
import { readPlacesFile, unchanging } from './file.ts';
import { asPlacesError } from './record.ts';
import { MAX_TOR_BYTES, parseTorList, type TorExits } from './tor-list.ts';

export const KEPT_SETTING = 'tor.kept_file';
const SUFFIX_BYTES = 6;
/** A description of some lines, and one address a line. */
const MAX_KEPT_BYTES = MAX_TOR_BYTES + 4096;

/** The last good list that was fetched. */
export interface GoodList extends Validators {
  readonly exits: TorExits;
  /** When it was fetched, or its server said that it is still the one, in milliseconds since the epoch. */
  readonly at: number;
}

const FIRST_LINE = '# The last good list of the exits of Tor, kept by Latchkey, which writes it anew after each fetch.';
const HEAD =
  /^# The [^\n]*\n# source: ([0-9a-f]{64})\n# fetched: (\S{1,40})\n(?:# etag: ([^\n]+)\n)?(?:# modified: ([^\n]+)\n)?# digest: ([0-9a-f]{64})\n/;

/**
 * Reads a list that was kept.
 *
 * @param url where it must have come from
 * @returns null when there is none, or it came from elsewhere
 * @throws PlacesError when there is a file that cannot be used
 */
export async function readKeptList(path: string, url: string): Promise<GoodList | null> {
  const bytes = await readIfThere(path);
  if (bytes === null) return null;
  const head = HEAD.exec(bytes.subarray(0, 4096).toString('latin1'));
  if (head === null) throw unusable(path);
  const [all, source, fetched = '', etag = null, modified = null, digest] = head;
  const list = bytes.subarray(all.length);
  const at = Date.parse(fetched);
  const exits = hash('sha256', list) === digest && !Number.isNaN(at) ? await parseTorList(list, null) : null;
  if (exits === null || typeof exits === 'string') throw unusable(path);
  return source === hash('sha256', url) ? { exits, at, ...validators(etag, modified) } : null;
}

/**
 * Keeps a list. Whoever reads the file finds this one or the one before, whole; several processes may share it.
 *
 * @throws PlacesError when the file cannot be written
 */
export async function keepList(path: string, url: string, { exits, at, etag, lastModified }: GoodList): Promise<void> {
  const list = `${[...exits.addresses].join('\n')}\n`;
  const head = [
    FIRST_LINE,
    // Not the address itself: it may hold a secret.
    `# source: ${hash('sha256', url)}`,
    `# fetched: ${new Date(at).toISOString()}`,
    ...(etag === null ? [] : [`# etag: ${etag}`]),
    ...(lastModified === null ? [] : [`# modified: ${lastModified}`]),
    `# digest: ${hash('sha256', list)}`,
  ];
  const temporary = `${path}.${randomBytes(SUFFIX_BYTES).toString('hex')}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(temporary, `${head.join('\n')}\n${list}`, { flag: 'wx', flush: true });
    await rename(temporary, path);
  } catch (error) {
    // What is wrong is told; that the beginning of a file may stay behind is not worth more words.
    await rm(temporary, { force: true }).catch(() => undefined);
    throw asPlacesError(error, KEPT_SETTING, `${JSON.stringify(path)} cannot be written`);
  }
}

/** null when there is no such file. */
async function readIfThere(path: string): Promise<Buffer | null> {
  try {
    return unchanging(await readPlacesFile(KEPT_SETTING, path, MAX_KEPT_BYTES), KEPT_SETTING, path).bytes;
  } catch (error) {
    const cause = error instanceof PlacesError ? error.cause : null;
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return null;
    throw error;
  }
}

function unusable(path: string): PlacesError {
  const problem = 'is not a list that was kept, or is damaged; it is replaced after the next fetch';
  return new PlacesError('PLACES_INVALID', KEPT_SETTING, `${JSON.stringify(path)} ${problem}`);
}
