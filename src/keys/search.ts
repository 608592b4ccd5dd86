import type { KeyRecord } from '../core/key.ts';
import type { MaybePromise } from '../core/maybe.ts';
import type { KeyStore } from '../core/ports.ts';

type Store = Pick<KeyStore, 'findByDigest'>;
/** What is made of an answer; null: it is not the key that is looked for. */
type Take<T> = (digest: string, record: KeyRecord | null) => T | null;

/**
 * The key under the first of some digests that opens one. A store that takes a while is asked for all of them at once, so
 * that a request waits no longer for it than one question may take, however many peppers there are.
 *
 * @throws what the store throws; when it takes a while, that is what the promise rejects with
 */
export function search<T>(store: Store, digests: readonly string[], take: Take<T>): MaybePromise<T | null> {
  for (const [i, digest] of digests.entries()) {
    const record = store.findByDigest(digest);
    if (record instanceof Promise) return searchTogether(store, digests.slice(i), record, take);
    const taken = take(digest, record);
    if (taken !== null) return taken;
  }
  return null;
}

async function searchTogether<T>(
  store: Store,
  digests: readonly string[],
  first: Promise<KeyRecord | null>,
  take: Take<T>,
): Promise<T | null> {
  const records = [first, ...digests.slice(1).map(async (digest) => store.findByDigest(digest))];
  // Those after the one that is found are of no interest, whatever becomes of them.
  for (const record of records) record.catch(() => undefined);
  for (const [i, digest] of digests.entries()) {
    const taken = take(digest, (await records[i]) ?? null);
    if (taken !== null) return taken;
  }
  return null;
}

/** Whether a key opens with a digest, be it of its secret or of the one before. */
export function opens(digest: string, { secret, previous }: KeyRecord): boolean {
  return digest === secret.digest || digest === previous?.digest;
}
