/** What is reserved before the length is known: most lists are some tens of KiB. */
const FIRST_BYTES = 64 * 1024;

/**
 * Puts the pieces of something together as they come. Each is copied at once: a sender that cuts what it sends into single
 * bytes makes millions of pieces, and each would take some hundred times the memory of what is in it.
 *
 * @param limit bytes
 * @returns null when there is more
 */
export async function gather(pieces: AsyncIterable<Uint8Array>, limit: number): Promise<Buffer | null> {
  let bytes = Buffer.allocUnsafeSlow(Math.min(limit, FIRST_BYTES));
  let length = 0;
  for await (const piece of pieces) {
    const needed = length + piece.length;
    // Leaving the loop cancels what has not come yet.
    if (needed > limit) return null;
    if (needed > bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.min(limit, Math.max(needed, bytes.length * 2)));
      bytes.copy(larger, 0, 0, length);
      bytes = larger;
    }
    bytes.set(piece, length);
    length = needed;
  }
  return bytes.subarray(0, length);
}
