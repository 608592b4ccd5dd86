import type { Claim } from '../../core/along.ts';
import { StoreError } from '../../core/ports.ts';
import type { RedisConnection } from './connection.ts';
import { claimName } from './layout.ts';

/** The claim with this id; null when there is none that is valid at `now`. */
export async function findClaim(connection: RedisConnection, id: string, now: number): Promise<Claim | null> {
  const names = ['expires', 'fingerprint', 'answer', 'sealed'];
  const found = await connection.ask((client) => client.hmget(claimName(id), ...names));
  if (found.every((value) => value === null)) return null;
  const [expires, fingerprint, answer, sealedSecret] = found;
  const expiresAt = Number(expires);
  const isWhole = typeof expires === 'string' && Number.isSafeInteger(expiresAt);
  if (!isWhole || typeof fingerprint !== 'string' || typeof answer !== 'string' || typeof sealedSecret !== 'string') {
    throw new StoreError('STORE_CORRUPT', 'what Redis keeps as a claim is something else');
  }
  return expiresAt > now ? { id, fingerprint, answer, sealedSecret, expiresAt } : null;
}
