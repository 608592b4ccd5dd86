/** Writes databases in the MaxMind DB format 2.0, small ones for tests. */
import ipaddr from 'ipaddr.js';

/** Bytes stand for what they encode. */
type Data = string | number | Buffer | { readonly [name: string]: Data };

/** A CIDR and what is said of it. Networks may not overlap. */
export type Network = readonly [cidr: string, entry: Data];

export interface MmdbOptions {
  /** 6 by default, with IPv4 addresses at ::/96. */
  readonly ipVersion?: 4 | 6;
  readonly type?: string;
  /** Bits of a branch of the tree; 24 by default. */
  readonly recordSize?: 24 | 28 | 32;
  /** Seconds since the epoch; 0: it does not say so. In September 2026 by default. */
  readonly buildEpoch?: number;
}

const SEPARATOR = Buffer.alloc(16);
const MARKER = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1');

/** A branch of the tree, or the place of an entry in the data section; null where nothing is known. */
type Node = [Branch, Branch];
type Branch = Node | number | null;

export function mmdb(networks: readonly Network[], options: MmdbOptions = {}): Buffer {
  const { ipVersion = 6, type = 'Test-Country', recordSize = 24, buildEpoch = 1_790_000_000 } = options;
  const data: Buffer[] = [];
  let length = 0;
  const root: Node = [null, null];
  for (const [cidr, entry] of networks) {
    insert(root, bitsOf(cidr, ipVersion), length);
    const bytes = encode(entry);
    data.push(bytes);
    length += bytes.length;
  }
  const nodes = nodesOf(root);
  const metadata = encode({
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: buildEpoch,
    database_type: type,
    ip_version: ipVersion,
    node_count: nodes.length,
    record_size: recordSize,
  });
  return Buffer.concat([treeOf(nodes, recordSize), SEPARATOR, ...data, MARKER, metadata]);
}

function bitsOf(cidr: string, ipVersion: 4 | 6): number[] {
  const [address, prefix] = ipaddr.parseCIDR(cidr);
  const bits = address.toByteArray().flatMap((byte) => Array.from({ length: 8 }, (_, i) => (byte >> (7 - i)) & 1));
  const inFront = ipVersion === 6 && bits.length === 32 ? 96 : 0;
  return [...Array<number>(inFront).fill(0), ...bits].slice(0, inFront + prefix);
}

function insert(root: Node, bits: readonly number[], place: number): void {
  let node = root;
  for (const bit of bits.slice(0, -1)) {
    const inner = node[bit] ?? [null, null];
    if (typeof inner === 'number') throw new Error('networks overlap');
    node[bit] = inner;
    node = inner;
  }
  node[bits.at(-1) ?? 0] = place;
}

function nodesOf(root: Node): Node[] {
  const nodes = [root];
  for (const node of nodes) for (const branch of node) if (Array.isArray(branch)) nodes.push(branch);
  return nodes;
}

function treeOf(nodes: readonly Node[], recordSize: number): Buffer {
  const numbers = new Map(nodes.map((node, i) => [node, i]));
  const unknown = nodes.length;
  const valueOf = (branch: Branch): bigint => {
    if (Array.isArray(branch)) return BigInt(numbers.get(branch) ?? 0);
    return BigInt(unknown + (branch === null ? 0 : 16 + branch));
  };
  return Buffer.concat(nodes.map(([left, right]) => nodeOf(valueOf(left), valueOf(right), recordSize)));
}

function nodeOf(left: bigint, right: bigint, recordSize: number): Buffer {
  // With 28 bits, the byte in the middle has the highest four of either; else one stands after the other.
  const digits = recordSize / 4;
  const [l, r] = [left.toString(16).padStart(digits, '0'), right.toString(16).padStart(digits, '0')];
  return Buffer.from(recordSize === 28 ? `${l.slice(1)}${l[0]}${r[0]}${r.slice(1)}` : l + r, 'hex');
}

/** Strings of up to 28 bytes, maps of up to 28 members, and whole numbers of 32 bits. */
function encode(value: Data): Buffer {
  if (Buffer.isBuffer(value)) return value;
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(5, 0xc4);
    bytes.writeUInt32BE(value, 1);
    return bytes;
  }
  if (typeof value === 'string') return Buffer.concat([Buffer.from([0x40 | value.length]), Buffer.from(value)]);
  const members = Object.entries(value);
  return Buffer.concat([
    Buffer.from([0xe0 | members.length]),
    ...members.flatMap(([name, inner]) => [encode(name), encode(inner)]),
  ]);
}
