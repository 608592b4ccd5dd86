import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Decision } from '../../core/decision.ts';
import type { Denial } from '../../core/denial.ts';
import type { ExaminedRequest } from '../examine.ts';
import { denialFor, describe, UPSTREAM_INVALID, UPSTREAM_TIMEOUT } from '../failure.ts';
import { upstreamHeaders } from '../headers-upstream.ts';
import type { Upstream } from '../upstreams.ts';
import type { Bridge } from './bridge.ts';
import { type Caller, CallTimeout, type Dialer, type OutgoingCall } from './dialer.ts';
import { type Offer, offerOf, switchFault, switchHeaders } from './handshake.ts';
import { type PlainAnswer, readAnswer, type Unusable } from './plain-answer.ts';

/** Who wants the WebSocket. One of these is called, once, unless the opening was given up before. */
export interface Opener {
  /** @param headers of the 101, for the client */
  opened(headers: string[], upstream: Socket): void;
  /** The upstream gave another answer than a 101. */
  declined(answer: PlainAnswer): void;
  refuse(denial: Denial, failure: string): void;
}

/** The upstream's half of an attempt: asks it for a WebSocket and holds its answer to the rules. */
export class Opening implements Caller {
  readonly #opener: Opener;
  readonly #bridge: Bridge;
  readonly #upstream: Upstream;
  readonly #offer: Offer;
  readonly #call: OutgoingCall;
  #abandoned = false;

  constructor(
    opener: Opener,
    bridge: Bridge,
    upstream: Upstream,
    examined: ExaminedRequest,
    decision: Decision,
    dialer: Dialer,
  ) {
    const { config, basePath } = upstream;
    this.#opener = opener;
    this.#bridge = bridge;
    this.#upstream = upstream;
    this.#offer = offerOf(examined, upstreamHeaders(examined, decision, config));
    const path = `${basePath}${examined.path}${examined.query}`;
    this.#call = dialer.dial(bridge, { upstream: config, path, headers: this.#offer.headers }, this);
  }

  /** Gives it up: the opener hears nothing more. */
  abandon(): void {
    this.#abandoned = true;
    this.#call.abandon();
  }

  switched(response: IncomingMessage, socket: Socket): void {
    const fault = switchFault(response, this.#offer);
    if (fault === null) return this.#opener.opened(switchHeaders(response, this.#offer), socket);
    // Before the proxy comes to pipe one into the other.
    socket.destroy();
    this.#bridge.destroy();
    this.#opener.refuse(UPSTREAM_INVALID, fault);
  }

  answered(response: IncomingMessage): void {
    this.#bridge.destroy();
    readAnswer(response, this.#upstream.config.headTimeoutMs, (answer) => this.#settle(answer));
  }

  failed(error: Error, began: boolean): void {
    const late = error instanceof CallTimeout && error.code === 'head_timeout';
    this.#opener.refuse(late ? UPSTREAM_TIMEOUT : denialFor(error, began), describe(error));
  }

  #settle(answer: PlainAnswer | Unusable): void {
    if (this.#abandoned) return;
    if (answer === 'late') this.#opener.refuse(UPSTREAM_TIMEOUT, 'the answer to the upgrade did not end in time');
    else if (answer === 'invalid')
      this.#opener.refuse(UPSTREAM_INVALID, 'the answer to the upgrade was cut short or too long');
    else this.#opener.declined(answer);
  }
}
