import type { Exchange } from '../../../src/core/exchange.ts';
import { createGateway, type Gateway } from '../../../src/gateway/index.ts';
import { NOW } from '../../support/gateway.ts';
import { Activity, StuckError } from './activity.ts';
import type { FrontCase } from './case.ts';
import type { Message } from './message.ts';
import { gate, policy } from './policy.ts';
import { type Answered, ScriptedClient } from './scripted-client.ts';
import { ScriptedUpstream } from './scripted-upstream.ts';

/** Everything that one case came to at one gateway. */
export interface Outcome {
  readonly upstreamPort: number;
  readonly seen: readonly Message[];
  readonly leftovers: readonly string[];
  readonly answers: readonly Answered[];
  /** Bytes to the client that are no answer. */
  readonly rest: string;
  readonly kept: boolean;
  readonly exchanges: readonly Exchange[];
  /** What was waited for in vain; null: nothing. */
  readonly stuck: string | null;
}

/** A gateway with a front of its own kind and an upstream of its own. It takes one case at a time. */
export class Side {
  readonly front: 'auto' | 'node';
  readonly #activity = new Activity();
  #upstream: ScriptedUpstream;
  #gateway: Gateway | null = null;
  #port = 0;
  #exchanges: Exchange[] = [];
  #servedBefore = 0;

  constructor(front: 'auto' | 'node') {
    this.front = front;
    this.#upstream = new ScriptedUpstream(this.#activity);
  }

  /** Requests that the reader of plain requests has dealt with alone, in all gateways that this side has had. */
  get servedFast(): number {
    return this.#servedBefore + (this.#gateway?.servedFast ?? 0);
  }

  async open(): Promise<void> {
    const upstream = this.#upstream;
    await upstream.listen();
    this.#gateway = createGateway({
      config: policy(this.front, this.#upstream.url),
      gate: gate(),
      clock: { now: () => NOW },
      onExchange: (exchange) => {
        // A gateway that was closed may tell of its last ones late.
        if (upstream !== this.#upstream) return;
        this.#activity.mark();
        this.#exchanges.push(exchange);
      },
    });
    this.#port = (await this.#gateway.listen()).port;
  }

  async close(): Promise<void> {
    this.#upstream.cut();
    await this.#gateway?.close();
    await this.#upstream.close();
  }

  /** @param patience how many times longer than usual to wait for what may never come */
  async run(next: FrontCase, patience: number): Promise<Outcome> {
    this.#activity.patience = patience;
    this.#exchanges = [];
    const client = new ScriptedClient(this.#port, next.from, this.#activity);
    const upstream = this.#upstream;
    upstream.begin(next, (index) => client.closed || client.heads > index);
    let stuck: string | null = null;
    try {
      await client.run(next, () => upstream.settled());
      await this.#activity.until('the end of what is in flight', () => this.#gateway?.inFlight === 0);
      await upstream.finish();
    } catch (error) {
      if (!(error instanceof StuckError)) throw error;
      stuck = error.message;
      client.cut();
    }
    const outcome = {
      upstreamPort: upstream.port,
      seen: upstream.seen,
      leftovers: upstream.leftovers,
      answers: client.answers,
      rest: client.rest,
      kept: client.kept,
      exchanges: this.#exchanges,
      stuck,
    };
    if (stuck !== null) await this.#startOver();
    return outcome;
  }

  /** What a case left behind must not be met by the next. */
  async #startOver(): Promise<void> {
    this.#servedBefore = this.servedFast;
    await this.close();
    this.#upstream = new ScriptedUpstream(this.#activity);
    await this.open();
  }
}
