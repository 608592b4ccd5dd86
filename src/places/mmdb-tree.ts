import { setImmediate } from 'node:timers/promises';

/** Some milliseconds of work; requests get their turn between two of them. */
const NODES_PER_TURN = 100_000;

/** The search tree at the beginning of an MMDB file: nodes of two records, one for each value of the next bit. */
export interface MmdbTree {
  readonly bytes: Buffer;
  readonly nodeCount: number;
  readonly records: RecordReader;
}

/** Reads the records of nodes of one size. */
export interface RecordReader {
  readonly nodeBytes: number;
  /** @param at where the node begins */
  left(bytes: Buffer, at: number): number;
  right(bytes: Buffer, at: number): number;
}

/**
 * Whether each record of the search tree leads to another node, to nowhere, or into the data. A file that was written in
 * part, over an older one or with a gap, can have a good description of a tree that is not there.
 *
 * @param dataFrom the record that leads to the first byte of the data, and `dataTo` one behind the last
 */
export async function isWholeTree(tree: MmdbTree, dataFrom: number, dataTo: number): Promise<boolean> {
  const { bytes, nodeCount, records } = tree;
  // No record leads back to the root; zeros are what a gap reads as.
  const isSound = (record: number): boolean =>
    record > 0 && (record <= nodeCount || (record >= dataFrom && record < dataTo));
  const { nodeBytes } = records;
  for (let from = 0; from < nodeCount; from += NODES_PER_TURN) {
    const to = Math.min(nodeCount, from + NODES_PER_TURN);
    for (let at = from * nodeBytes; at < to * nodeBytes; at += nodeBytes) {
      if (!isSound(records.left(bytes, at)) || !isSound(records.right(bytes, at))) return false;
    }
    await setImmediate();
  }
  return true;
}

/**
 * Follows the bits of an address down a tree that is whole.
 *
 * @param from  the node to begin with, or a record that leads to none
 * @param words of 32 bits each
 * @returns the record that the way ends with: that of a node when there are no more bits, and how many of them it took
 */
export function walk(tree: MmdbTree, from: number, words: readonly number[]): { record: number; depth: number } {
  const { bytes, nodeCount, records } = tree;
  let record = from;
  let depth = 0;
  for (; depth < words.length * 32 && record < nodeCount; depth++) {
    const bit = ((words[depth >>> 5] ?? 0) >>> (31 - (depth & 31))) & 1;
    const at = record * records.nodeBytes;
    record = bit === 0 ? records.left(bytes, at) : records.right(bytes, at);
  }
  return { record, depth };
}

/**
 * @param bits of one record
 * @returns null when there are no such trees
 */
export function recordReader(bits: number): RecordReader | null {
  return READERS.get(bits) ?? null;
}

const READERS: ReadonlyMap<number, RecordReader> = new Map([
  [24, { nodeBytes: 6, left: (bytes, at) => bytes24(bytes, at), right: (bytes, at) => bytes24(bytes, at + 3) }],
  [
    // The byte in the middle has the highest four bits of either.
    28,
    {
      nodeBytes: 7,
      left: (bytes, at) => (byte(bytes, at + 3) >> 4) * 0x1000000 + bytes24(bytes, at),
      right: (bytes, at) => (byte(bytes, at + 3) & 0x0f) * 0x1000000 + bytes24(bytes, at + 4),
    },
  ],
  [
    32,
    {
      nodeBytes: 8,
      left: (bytes, at) => byte(bytes, at) * 0x1000000 + bytes24(bytes, at + 1),
      right: (bytes, at) => byte(bytes, at + 4) * 0x1000000 + bytes24(bytes, at + 5),
    },
  ],
]);

function bytes24(bytes: Buffer, at: number): number {
  return (byte(bytes, at) << 16) | (byte(bytes, at + 1) << 8) | byte(bytes, at + 2);
}

function byte(bytes: Buffer, at: number): number {
  return bytes[at] ?? 0;
}
