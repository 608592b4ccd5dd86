/** What a table holds, each under its digest. */
export interface TableEntry {
  readonly digest: string;
  /** For how many it counts; at least 1. */
  readonly size: number;
}

/** A bucket has two slots, so that both come into the processor's cache together: its mark, and its entry. */
const SLOTS = 2;
/** The mark and the entry of an empty bucket. */
const EMPTY = 0;
/** In a mark: the entry was looked up since the hand last came by. */
const USED = 1;
/** In a mark: there is an entry. What is above these bits is its hash. */
const TAKEN = 2;
const HASH_SHIFT = 2;
/** Characters at the end of a digest that its hash is made of: 46 bits of a SHA-256. */
const HASHED_LENGTH = 8;
/** A new table has room for so many at once, so that it need not grow while requests wait, as a large one does. */
const ROOM_AT_FIRST = 100_000;
/** Entries that are passed over for being in use before one goes in any case. */
const MAX_PASSED = 1_000;

/**
 * A bounded table of entries by digest, for many of them at many lookups: a lookup touches one bucket, the entry and its
 * digest. (A `Map` would first enter the text of every digest that is looked up into the engine's table of strings,
 * which costs several times the rest.)
 *
 * Which entry goes when it is full is by second chance: a hand goes round, lets those stay that were looked up since it last
 * came by, and takes out the first that was not. A list in order of use would write to three places of memory for each lookup.
 *
 * Open addressing with linear probing. An entry comes in when the secret of a key was sent, so whoever wants digests that meet
 * in one bucket must find secrets for them. Secrets that are made here are random. Those who may import keys can choose
 * theirs, and find each with about as many hashes as there are buckets; a lookup that comes upon n of them takes up to n
 * steps. The time that a comparison takes tells nothing of use: it is of digests, and who finds out a digest has not
 * found a secret.
 */
export class DigestTable<E extends TableEntry> {
  readonly #max: number;
  readonly #onGone: (entry: E) => void;
  /** Of each bucket in turn: its mark, its entry. */
  #slots: (number | E)[];
  #mask: number;
  #count = 0;
  #size = 0;
  #hand = 0;

  /**
   * @param max    of the sum of all sizes
   * @param onGone is told of each entry that goes: for a newer one, for want of room, or because it was deleted
   */
  constructor(max: number, onGone: (entry: E) => void) {
    this.#max = max;
    this.#onGone = onGone;
    const buckets = bucketsFor(Math.min(max, ROOM_AT_FIRST));
    this.#slots = emptySlots(buckets);
    this.#mask = buckets - 1;
  }

  /** Entries, whatever their size. */
  get count(): number {
    return this.#count;
  }

  /** The entry of a digest, which counts as used. */
  get(digest: string): E | undefined {
    const bucket = this.#bucketOf(digest);
    if (bucket < 0) return undefined;
    const mark = this.#markAt(bucket);
    // Most are marked already, and to write costs more than to read.
    if ((mark & USED) === 0) this.#slots[bucket * SLOTS] = mark | USED;
    return this.#entryAt(bucket);
  }

  /**
   * Puts an entry in the place of the one with its digest. Others go when there is no room. One that is new here counts as
   * used when it is looked up: so a crowd of keys that each come once does not push out those that are in use.
   */
  set(entry: E): void {
    const bucket = this.#bucketOf(entry.digest);
    if (bucket >= 0) this.#remove(bucket);
    while (this.#count > 0 && this.#size + entry.size > this.#max) this.#dropOne();
    if (bucketsFor(this.#count + 1) > this.#mask + 1) this.#grow();
    this.#put(bucket >= 0 ? markOf(entry.digest) | USED : markOf(entry.digest), entry);
    this.#count++;
    this.#size += entry.size;
  }

  delete(digest: string): void {
    const bucket = this.#bucketOf(digest);
    if (bucket >= 0) this.#remove(bucket);
  }

  *values(): Generator<E> {
    for (let bucket = 0; bucket <= this.#mask; bucket++) {
      if (this.#markAt(bucket) !== EMPTY) yield this.#entryAt(bucket);
    }
  }

  #markAt(bucket: number): number {
    return this.#slots[bucket * SLOTS] as number;
  }

  #entryAt(bucket: number): E {
    return this.#slots[bucket * SLOTS + 1] as E;
  }

  /** @returns -1: there is no such digest */
  #bucketOf(digest: string): number {
    const wanted = markOf(digest);
    for (let bucket = homeOf(wanted, this.#mask); ; bucket = (bucket + 1) & this.#mask) {
      const mark = this.#markAt(bucket);
      if (mark === EMPTY) return -1;
      if ((mark & ~USED) === wanted && this.#entryAt(bucket).digest === digest) return bucket;
    }
  }

  #put(mark: number, entry: E): void {
    let bucket = homeOf(mark, this.#mask);
    while (this.#markAt(bucket) !== EMPTY) bucket = (bucket + 1) & this.#mask;
    this.#write(bucket, mark, entry);
  }

  #write(bucket: number, mark: number, entry: E | typeof EMPTY): void {
    this.#slots[bucket * SLOTS] = mark;
    this.#slots[bucket * SLOTS + 1] = entry;
  }

  #dropOne(): void {
    for (let passed = 0; ; this.#hand = (this.#hand + 1) & this.#mask) {
      const mark = this.#markAt(this.#hand);
      if (mark === EMPTY) continue;
      if ((mark & USED) === 0 || passed === MAX_PASSED) return this.#remove(this.#hand);
      this.#slots[this.#hand * SLOTS] = mark & ~USED;
      passed++;
    }
  }

  /** Moves up what stands behind the gap, as far as it would not be found behind one. */
  #remove(bucket: number): void {
    const gone = this.#entryAt(bucket);
    let gap = bucket;
    for (let next = (gap + 1) & this.#mask; this.#markAt(next) !== EMPTY; next = (next + 1) & this.#mask) {
      const mark = this.#markAt(next);
      const fromHome = (next - homeOf(mark, this.#mask)) & this.#mask;
      if (fromHome < ((next - gap) & this.#mask)) continue;
      this.#write(gap, mark, this.#entryAt(next));
      gap = next;
    }
    this.#write(gap, EMPTY, EMPTY);
    this.#count--;
    this.#size -= gone.size;
    this.#onGone(gone);
  }

  #grow(): void {
    const before = this.#slots;
    const buckets = (this.#mask + 1) * 2;
    this.#slots = emptySlots(buckets);
    this.#mask = buckets - 1;
    this.#hand = 0;
    for (let slot = 0; slot < before.length; slot += SLOTS) {
      if (before[slot] !== EMPTY) this.#put(before[slot] as number, before[slot + 1] as E);
    }
  }
}

/** A power of two, so that three quarters of the buckets are taken at most. */
function bucketsFor(count: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(8, (count * 4) / 3)));
}

/** Doubled until it is long enough: one that is made at a length of 2^25 or more is a slow array. */
function emptySlots<E>(buckets: number): (number | E)[] {
  let slots: (number | E)[] = [EMPTY, EMPTY];
  while (slots.length < buckets * SLOTS) slots = slots.concat(slots);
  return slots;
}

/** The mark of a bucket with this digest in it, not used. The hash is FNV-1a, with its upper bits folded into the lower. */
function markOf(digest: string): number {
  let hash = 0x811c9dc5;
  for (let i = Math.max(0, digest.length - HASHED_LENGTH); i < digest.length; i++) {
    hash = Math.imul(hash ^ digest.charCodeAt(i), 0x01000193);
  }
  return ((hash ^ (hash >>> 15)) << HASH_SHIFT) | TAKEN;
}

/** Where an entry is looked for first. */
function homeOf(mark: number, mask: number): number {
  return (mark >>> HASH_SHIFT) & mask;
}
