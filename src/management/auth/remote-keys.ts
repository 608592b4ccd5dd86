import { createLocalJWKSet, errors, type JSONWebKeySet, type LocalJWKSet } from 'jose';
import type { Clock } from '../../core/clock.ts';
import { ManagementError } from '../failures.ts';
import { ASYMMETRIC, type KeySource } from './key-source.ts';

/** After this age keys are read again before they are used. */
const FRESH_MS = 10 * 60_000;
/** How long keys stay in use while their issuer cannot be asked; one that it withdrew works for no longer. */
const MAX_STALE_MS = 60 * 60_000;
/** How often a key that is not among them may have them read again: made-up names must not become a flood of requests. */
const UNKNOWN_KEY_PAUSE_MS = 30_000;
/** How soon after a failure it is tried again. */
const FAILURE_PAUSE_MS = 5_000;
const TIMEOUT_MS = 5_000;
const MAX_BYTES = 256 * 1024;
const MAX_KEYS = 100;

interface Known {
  readonly find: LocalJWKSet;
  /** When they were read, in milliseconds since the epoch. */
  readonly at: number;
}

/** Tokens whose keys their issuer publishes at an address, as a JWKS. New keys are found when a token first names one. */
export function remoteKeySource(url: string, clock: Clock): KeySource {
  let known: Known | null = null;
  let triedAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | null = null;

  const read = async (): Promise<void> => {
    triedAt = clock.now();
    known = { find: createLocalJWKSet(await fetchKeys(url)), at: triedAt };
  };
  /** Those who ask at the same time wait for the same answer. @returns whether there are new keys */
  const refresh = async (): Promise<boolean> => {
    reading ??= read().finally(() => {
      reading = null;
    });
    try {
      await reading;
      return true;
    } catch {
      return false;
    }
  };
  const mayTryAfter = (pauseMs: number): boolean => reading !== null || age(triedAt, clock.now()) >= pauseMs;

  const current = async (): Promise<Known> => {
    const isFresh = known !== null && age(known.at, clock.now()) < FRESH_MS;
    if (!isFresh && mayTryAfter(FAILURE_PAUSE_MS)) await refresh();
    if (known !== null && age(known.at, clock.now()) < MAX_STALE_MS) return known;
    throw new ManagementError(
      'token_keys_unavailable',
      'The issuer of tokens does not answer; this says nothing about yours.',
    );
  };

  return {
    algorithms: ASYMMETRIC,
    warnings: [],
    key: async (header) => {
      const { find } = await current();
      try {
        return await find(header);
      } catch (error) {
        const isUnknown = error instanceof errors.JWKSNoMatchingKey;
        if (!isUnknown || !mayTryAfter(UNKNOWN_KEY_PAUSE_MS) || !(await refresh())) throw error;
        return (await current()).find(header);
      }
    },
  };
}

/** A clock that was set back makes nothing young again. */
function age(since: number, now: number): number {
  return now < since ? Number.POSITIVE_INFINITY : now - since;
}

async function fetchKeys(url: string): Promise<JSONWebKeySet> {
  const response = await fetch(url, {
    // To be sent elsewhere would put the choice of keys into the hands of whoever is there.
    redirect: 'error',
    signal: AbortSignal.timeout(TIMEOUT_MS),
    headers: { accept: 'application/jwk-set+json, application/json' },
  });
  if (response.status !== 200 || response.body === null) throw new Error(`status ${response.status}`);
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of response.body as AsyncIterable<Uint8Array>) {
    length += piece.length;
    if (length > MAX_BYTES) throw new Error(`more than ${MAX_BYTES} bytes`);
    pieces.push(piece);
  }
  const jwks = JSON.parse(Buffer.concat(pieces).toString('utf8')) as JSONWebKeySet;
  if (!Array.isArray(jwks.keys) || jwks.keys.length > MAX_KEYS) throw new Error('not a set of keys');
  return jwks;
}
