import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Along, Claim } from '../../core/along.ts';
import { type AuditEntry, type AuditEvent, type AuditHead, GENESIS, sealEvent } from '../../core/audit.ts';
import { StoreError } from '../../core/ports.ts';
import { MAX_CHANGES } from '../change-cursor.ts';
import { headText, readHead } from './audit-head.ts';
import { DONE } from './change-scripts.ts';
import type { RedisConnection } from './connection.ts';
import { AUDIT, AUDIT_HEAD, CHANGES, claimName } from './layout.ts';
import type { Script } from './scripts.ts';

/** Changes with an event that wait for their turn; one more is refused at once. */
const MAX_WAITING = 1_000;
/** How often an entry is sealed anew because another process added one meanwhile. */
const MAX_ATTEMPTS = 50;
/** Attempts without a pause: each has learnt the head from the one before, and is soon there. */
const ATTEMPTS_IN_A_ROW = 5;
const MAX_PAUSE_MS = 20;

/** One of change-scripts.ts, with its own names and arguments. */
export interface Change {
  readonly script: Script;
  readonly keys: readonly string[];
  readonly args: readonly (string | number)[];
}

export interface Written {
  /** DONE, CONFLICT or FULL. */
  readonly outcome: unknown;
  /** The entry that came along; null when none did, or when the change was not made. */
  readonly entry: AuditEntry | null;
}

/**
 * Makes changes, each with its audit entry and its claim in the same script.
 *
 * An entry is sealed here, because Redis cannot compute its hash, on the head that was last seen; the script does nothing
 * when the head is another by now, and answers with that. So that a process does not outrun itself, its changes with an
 * event are made one after the other.
 */
export class Writer {
  readonly #connection: RedisConnection;
  #head: AuditHead = GENESIS;
  #turn: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  /** Grows when a change gets no answer: those that wait behind it are not kept waiting for the same again. */
  #failures = 0;

  constructor(connection: RedisConnection) {
    this.#connection = connection;
  }

  /**
   * @param undo what takes the change back when nobody knows whether it was made
   * @throws StoreError STORE_UNAVAILABLE also when other processes were quicker MAX_ATTEMPTS times
   */
  async write(change: Change, along: Along = {}, undo: Change | null = null): Promise<Written> {
    const { event } = along;
    if (event !== undefined) return this.#inTurn(() => this.#seal(change, along, event, undo));
    return { outcome: await this.#attempt(change, along, undo, null), entry: null };
  }

  async #seal(change: Change, along: Along, event: AuditEvent, undo: Change | null): Promise<Written> {
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      if (attempt % ATTEMPTS_IN_A_ROW === 0) await delay(randomInt(1, MAX_PAUSE_MS + 1));
      const entry = sealEvent(event, this.#head);
      const outcome = await this.#attempt(change, along, undo, entry);
      if (typeof outcome === 'string') {
        this.#head = readHead(outcome);
        continue;
      }
      if (outcome !== DONE) return { outcome, entry: null };
      this.#head = { seq: entry.seq, hash: entry.hash };
      return { outcome, entry };
    }
    throw unavailable(`other processes were quicker to write to the audit log ${MAX_ATTEMPTS} times`);
  }

  async #attempt(change: Change, along: Along, undo: Change | null, entry: AuditEntry | null): Promise<unknown> {
    const began = performance.now();
    try {
      return await this.#connection.run(
        change.script,
        namesOf(change, along.claim),
        argsOf(change, entry, along.claim),
      );
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'STORE_UNAVAILABLE') throw error;
      this.#failures++;
      // With a claim it is well as it is: whoever asks again with the same key is answered from the claim.
      if (undo !== null && along.claim === undefined) {
        void this.#takeBack(undo, along.event, entry, Math.ceil(performance.now() - began));
      }
      throw error;
    }
  }

  /**
   * Follows the change on the same connection, so it runs after it, nearly always right after it. An audit entry is never
   * taken back: that the change was made is true, and so is the one added here, that it was taken away again. When the
   * connection is gone too, what was made stays, with its entry.
   */
  async #takeBack(
    undo: Change,
    event: AuditEvent | undefined,
    made: AuditEntry | null,
    waitedMs: number,
  ): Promise<void> {
    try {
      if (event === undefined || made === null) {
        await this.#connection.runWhole(undo.script, namesOf(undo), argsOf(undo, null));
        return;
      }
      const opposite: AuditEvent = {
        ...event,
        at: event.at + waitedMs,
        action: 'key.delete',
        before: event.after,
        after: null,
      };
      const args = argsOf(undo, sealEvent(opposite, made));
      const outcome = await this.#connection.runWhole(undo.script, namesOf(undo), args);
      if (typeof outcome === 'string') await this.write(undo, { event: opposite });
    } catch {
      // Nobody is left to be told: the caller knows that there was no answer.
    }
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting >= MAX_WAITING) throw unavailable(`${MAX_WAITING} changes wait for the audit log`);
    const failures = this.#failures;
    this.#waiting++;
    const mine = this.#turn.then(() => {
      if (this.#failures !== failures) throw unavailable('Redis did not answer the change before this one');
      return work();
    });
    this.#turn = mine.catch(() => undefined);
    try {
      return await mine;
    } finally {
      this.#waiting--;
    }
  }
}

function namesOf({ keys }: Change, claim?: Claim): string[] {
  return [AUDIT, AUDIT_HEAD, CHANGES, claimName(claim?.id ?? ''), ...keys];
}

function argsOf({ args }: Change, entry: AuditEntry | null, claim?: Claim): (string | number)[] {
  const sealed =
    entry === null
      ? ['', '', '', '', '', '']
      : [
          headText({ seq: entry.seq - 1, hash: entry.previousHash }),
          `${entry.seq}-0`,
          headText(entry),
          entry.json,
          entry.previousHash,
          entry.hash,
        ];
  const claimed =
    claim === undefined ? ['', '', '', ''] : [claim.expiresAt, claim.fingerprint, claim.answer, claim.sealedSecret];
  return [...sealed, MAX_CHANGES, ...claimed, ...args];
}

function unavailable(what: string): StoreError {
  return new StoreError('STORE_UNAVAILABLE', what);
}
