import type { LoadedKey } from '../../../src/core/decision.ts';
import { HOUR_MS, type Lease, type Limits } from '../../../src/core/limits.ts';
import { LedgerLimiter } from '../../../src/limits/limiter.ts';
import { loadedKey } from '../../support/keys.ts';
import { type KeyAudit, LEASE_MS } from './audit.ts';
import { Broken, Gauge } from './gauge.ts';
import { Link, type Surroundings, TIMEOUT_MS } from './link.ts';

/** A request waits for the answer to a question that was put before it came, and for its own. */
const MAX_WAIT_MS = 2 * TIMEOUT_MS;

/**
 * What a process decided without the ledger, of one key. Within an hour it is no more than the limits; what was decided in
 * hours before that the ledger may not know.
 */
class Alone {
  readonly #limits: Limits;
  #gauge: Gauge;
  readonly #most: number;
  #hour = 0;
  #poured = 0;
  #admitted = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
    this.#gauge = new Gauge(limits);
    this.#most = Math.min(limits.perHour, limits.perDay);
  }

  /**
   * @param forgotten  what a store granted, and forgot when it failed over: it may have been told of these
   * @param recoveries how often the ledger was back: each time it says anew what is in the bucket, a part of a token more
   */
  admit(lease: Lease, now: number, forgotten: number, recoveries: number): void {
    const hour = Math.floor(lease.now / HOUR_MS);
    if (hour !== this.#hour) {
      this.#hour = hour;
      this.#admitted = 0;
      this.#gauge = new Gauge(this.#limits);
    }
    this.#admitted++;
    const most = this.#most + forgotten;
    if (this.#admitted > most) throw new Broken(`alone: ${this.#admitted} in an hour of ${most}`);
    this.#gauge.turnTo(now, 0);
    this.#gauge.pour(forgotten + recoveries - this.#poured);
    this.#poured = forgotten + recoveries;
    this.#gauge.take(1, now);
  }
}

/** One process of a gateway, from its start until it dies or is stopped: the real limiter over a simulated link. */
export class SimulatedGateway {
  readonly #world: Surroundings;
  readonly #skew: number;
  readonly #keys: readonly LoadedKey[];
  readonly #alone: readonly Alone[];
  readonly #limiter: LedgerLimiter;
  readonly link: Link;
  readonly name: string;
  isUp = true;
  /** Requests that wait for an answer. */
  waiting = 0;
  decidedAlone = 0;

  constructor(world: Surroundings, name: string, skew: number, keyIds: readonly string[]) {
    this.#world = world;
    this.name = name;
    this.#skew = skew;
    const { limits } = world.scenario;
    this.#keys = keyIds.map((id, i) => loadedKey({ id, limits: limits[i] as Limits }));
    this.#alone = limits.map((each) => new Alone(each));
    this.link = new Link(world, name);
    const clock = { now: () => world.ledger.time(world.queue.now + skew) };
    this.#limiter = new LedgerLimiter(this.link, clock, 100, () => world.queue.now);
  }

  get asked(): number {
    return this.#limiter.stats.asked;
  }

  request(index: number): void {
    const key = this.#keys[index] as LoadedKey;
    const lease = this.#limiter.admit(key);
    if (lease instanceof Promise) {
      this.waiting++;
      const { now } = this.#world.queue;
      lease.then((settled) => {
        try {
          this.#settled(index, now, settled);
        } catch (error) {
          this.#world.failed(error);
        }
        return null;
      }, this.#world.failed);
      return;
    }
    if (this.link.hasFailed && this.#limiter.stats.fallbacks > this.decidedAlone) this.#decidedAlone(index, lease);
    else this.#spent(index, lease);
  }

  sweep(): void {
    this.#limiter.sweep();
    const { now } = this.#world.queue;
    for (const loan of this.link.held.values()) {
      if (now >= loan.askedAt + LEASE_MS) throw new Broken('something is held for longer than a second');
    }
  }

  crash(): void {
    this.#world.note(() => `${this.name} crashes`);
    this.isUp = false;
    this.link.cut();
  }

  /** As on SIGTERM, once nothing waits. */
  async stop(): Promise<void> {
    this.#world.note(() => `${this.name} stops`);
    await this.#limiter.close();
    if (this.link.held.size > 0) throw new Broken('it stopped and gave not everything back');
  }

  #settled(index: number, askedAt: number, lease: Lease): void {
    this.waiting--;
    const waited = this.#world.queue.now - askedAt;
    if (waited > MAX_WAIT_MS) throw new Broken(`a request waited ${waited} ms`);
    const { told } = this.link;
    if (told.isFailure) return this.#decidedAlone(index, lease);
    if (lease.granted === 0) {
      if (told.refused-- === 0) throw new Broken('refused without a question');
      if (lease.refusedBy === null || lease.retryAfterMs <= 0) throw new Broken('refused without a reason');
    } else if (told.granted > 0) told.granted--;
    else this.#spent(index, lease);
  }

  #spent(index: number, lease: Lease): void {
    const { record, limits } = this.#keys[index] as LoadedKey;
    if (lease.granted !== 1) throw new Broken('neither asked nor spent');
    this.link.spend(record.id);
    const { hourRemaining, dayRemaining, burstRemaining, burstFullInMs } = lease;
    const isSane = hourRemaining < limits.perHour && dayRemaining < limits.perDay && burstRemaining <= limits.burst;
    if (!isSane || Math.min(hourRemaining, dayRemaining, burstRemaining, burstFullInMs) < 0) {
      throw new Broken(`${hourRemaining} an hour, ${dayRemaining} a day, ${burstRemaining} at once remain`);
    }
  }

  #decidedAlone(index: number, lease: Lease): void {
    this.decidedAlone++;
    if (lease.granted === 0) return;
    // A process whose clock is wrong begins its hours at other times than the ledger.
    if (this.#skew !== 0) return;
    const { audits, queue } = this.#world;
    const { allForgotten } = audits.get((this.#keys[index] as LoadedKey).record.id) as KeyAudit;
    (this.#alone[index] as Alone).admit(lease, queue.now, allForgotten, this.link.recoveries);
  }
}
