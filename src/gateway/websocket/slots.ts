import { throttleScope } from '../../core/address.ts';
import type { LoadedKey } from '../../core/decision.ts';
import { deny } from '../../core/denial.ts';
import type { Gate } from '../../core/gate.ts';
import type { Lease } from '../../core/limits.ts';

export const TOO_MANY_OF_KEY = deny(
  'too_many_connections',
  'This key has as many WebSockets open as it may. Close one and try again.',
);
export const TOO_MANY_OF_ADDRESS = deny(
  'too_many_connections',
  'Your address has as many WebSockets open as it may. Close one and try again.',
);

/** How many WebSockets each key has open, and on public routes each address; those that are being opened count. */
export class Slots {
  readonly #taken = new Map<string, number>();

  /** @returns null when `holder` has `most` already */
  take(holder: string, most: number): Slot | null {
    const taken = this.#taken.get(holder) ?? 0;
    if (taken >= most) return null;
    this.#taken.set(holder, taken + 1);
    return new Slot(this.#taken, holder);
  }

  /** Who holds any; for the metrics. */
  get holders(): number {
    return this.#taken.size;
  }
}

/** One place, until it is given back. */
export class Slot {
  readonly #taken: Map<string, number>;
  readonly #holder: string;
  #held = true;

  constructor(taken: Map<string, number>, holder: string) {
    this.#taken = taken;
    this.#holder = holder;
  }

  release(): void {
    if (!this.#held) return;
    this.#held = false;
    const taken = this.#taken.get(this.#holder) ?? 1;
    if (taken > 1) this.#taken.set(this.#holder, taken - 1);
    else this.#taken.delete(this.#holder);
  }
}

/** Who holds the WebSockets that a key opens. */
export function holderOfKey(key: LoadedKey): string {
  return `key ${key.record.id}`;
}

/** Who holds those that come without a key from an address; an IPv6 client counts as its /64. */
export function holderAt(address: string): string {
  return `address ${throttleScope(address)}`;
}

const NOTHING: Lease = {
  granted: 0,
  refusedBy: 'burst',
  retryAfterMs: 0,
  hourRemaining: 0,
  dayRemaining: 0,
  burstRemaining: 0,
  burstFullInMs: 0,
  now: 0,
};

/**
 * A gate whose limiter first asks for a slot: a key that has none left is stopped behind all other checks and before it
 * spends an admission. The decision then ends in a denial that the caller replaces.
 */
export function slottedGate(gate: Gate, takeSlot: (key: LoadedKey) => boolean): Gate {
  return {
    clock: gate.clock,
    keys: gate.keys,
    failures: gate.failures,
    limiter: { admit: (key) => (takeSlot(key) ? gate.limiter.admit(key) : NOTHING) },
    restrictions: gate.restrictions,
  };
}
