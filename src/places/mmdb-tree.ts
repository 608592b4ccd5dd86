import { setImmediate } from 'node:timers/promises';

/** Some milliseconds of work; requests get their turn between two of them. */
const NODES_PER_TURN = 100_000;

/** Where things are in an MMDB file: the search tree, a separator, the data, and at the end what describes them. */
export interface MmdbLayout {
  readonly nodeCount: number;
  /** Bits of one of the two records of a node. */
  readonly recordSize: number;
  /** Bytes between the tree and the data. */
  readonly separatorBytes: number;
  /** Bytes. */
  readonly dataSize: number;
}

/**
 * Whether each record of the search tree leads to another node, to nowhere, or into the data. A file that was written in
 * part, over an older one or with a gap, can have a good description of a tree that is not there.
 */
export async function isWholeTree(bytes: Buffer, layout: MmdbLayout): Promise<boolean> {
  const read = READERS.get(layout.recordSize);
  if (read === undefined) return false;
  const { nodeCount, separatorBytes } = layout;
  const dataFrom = nodeCount + separatorBytes;
  const dataTo = dataFrom + layout.dataSize;
  // No record leads back to the root; zeros are what a gap reads as.
  const isSound = (record: number): boolean =>
    record > 0 && (record <= nodeCount || (record >= dataFrom && record < dataTo));
  const nodeBytes = layout.recordSize / 4;
  for (let from = 0; from < nodeCount; from += NODES_PER_TURN) {
    const to = Math.min(nodeCount, from + NODES_PER_TURN);
    for (let at = from * nodeBytes; at < to * nodeBytes; at += nodeBytes) {
      if (!isSound(read.left(bytes, at)) || !isSound(read.right(bytes, at))) return false;
    }
    await setImmediate();
  }
  return true;
}

interface RecordReader {
  /** @param at where the node begins */
  left(bytes: Buffer, at: number): number;
  right(bytes: Buffer, at: number): number;
}

const READERS: ReadonlyMap<number, RecordReader> = new Map([
  [24, { left: (bytes, at) => bytes24(bytes, at), right: (bytes, at) => bytes24(bytes, at + 3) }],
  [
    // The byte in the middle has the highest four bits of either.
    28,
    {
      left: (bytes, at) => (byte(bytes, at + 3) >> 4) * 0x1000000 + bytes24(bytes, at),
      right: (bytes, at) => (byte(bytes, at + 3) & 0x0f) * 0x1000000 + bytes24(bytes, at + 4),
    },
  ],
  [
    32,
    {
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
