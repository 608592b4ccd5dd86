import { type MmdbValue, readMmdbValue } from './mmdb-data.ts';
import { isWholeTree, type MmdbTree, recordReader, walk } from './mmdb-tree.ts';

/** Between the tree and the data. */
const SEPARATOR_BYTES = 16;
/** Before the description, which stands within so many bytes of the end. */
const MARKER = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1');
const MAX_DESCRIPTION_BYTES = 128 * 1024;

/** What an MMDB file says of the network of an address. */
export interface Found {
  /** Where its entry is; the same for all networks of which the same is said. null: nothing is said. */
  readonly entry: number | null;
  /** How many leading bits the network has. */
  readonly prefix: number;
}

/** A database of networks in the MMDB format, whole and in memory. */
export interface Mmdb {
  readonly ipVersion: 4 | 6;
  /** When it was built, in seconds since the epoch; 0 when it does not say so. */
  readonly buildEpoch: number;
  /** @param words of an address: one of 32 bits, or four where `ipVersion` is 6 */
  readonly find: (words: readonly number[]) => Found;
  /** Whether an entry is neither damaged nor too large for one about a place. */
  readonly isReadable: (entry: number) => boolean;
}

/** @returns null when the bytes are not a whole database */
export async function openMmdb(bytes: Buffer): Promise<Mmdb | null> {
  const marker = bytes.subarray(-MAX_DESCRIPTION_BYTES).lastIndexOf(MARKER);
  if (marker < 0) return null;
  const dataEnd = Math.max(0, bytes.length - MAX_DESCRIPTION_BYTES) + marker;
  const description = readMmdbValue(bytes.subarray(dataEnd + MARKER.length), 0);
  const [nodeCount, recordSize, ipVersion] = ['node_count', 'record_size', 'ip_version'].map((name) =>
    numberIn(description, name),
  ) as [number, number, number];
  const records = recordReader(recordSize);
  if (nodeCount === 0 || records === null || (ipVersion !== 4 && ipVersion !== 6)) return null;
  const tree: MmdbTree = { bytes, nodeCount, records };
  const dataFrom = nodeCount * records.nodeBytes + SEPARATOR_BYTES;
  if (dataFrom >= dataEnd) return null;
  const data = bytes.subarray(dataFrom, dataEnd);
  const firstEntry = nodeCount + SEPARATOR_BYTES;
  if (!(await isWholeTree(tree, firstEntry, firstEntry + data.length))) return null;
  // In a tree of IPv6 addresses, those of IPv4 are the first 2^32.
  const ipv4Root = ipVersion === 6 ? walk(tree, 0, [0, 0, 0]).record : 0;
  return {
    ipVersion,
    buildEpoch: numberIn(description, 'build_epoch'),
    find(words) {
      const { record, depth } = walk(tree, words.length === 1 ? ipv4Root : 0, words);
      return { entry: record > nodeCount ? record - firstEntry : null, prefix: depth };
    },
    isReadable: (entry) => readMmdbValue(data, entry) !== undefined,
  };
}

/** 0 when there is none. */
function numberIn(description: MmdbValue | undefined, name: string): number {
  const value = description instanceof Map ? (description as ReadonlyMap<string, MmdbValue>).get(name) : undefined;
  return typeof value === 'number' ? value : 0;
}
