import type { Socket } from 'node:net';
import type { Clock } from '../../core/clock.ts';
import type { Decision, LoadedKey } from '../../core/decision.ts';
import { DENIALS, type Denial, deny } from '../../core/denial.ts';
import type { Gate } from '../../core/gate.ts';
import { decide } from '../../pipeline.ts';
import { type ExaminedRequest, examine } from '../examine.ts';
import { describe } from '../failure.ts';
import { BROKEN, NO_UPSTREAM } from '../gateway-denials.ts';
import { pushGatewayHeaders } from '../headers-client.ts';
import { problemBytes, problemOf } from '../problem.ts';
import type { UpgradeAttempt } from '../upgrade-handler.ts';
import { Bridge, type BridgeOwner } from './bridge.ts';
import type { Dialer } from './dialer.ts';
import { sayLast } from './farewell.ts';
import { handshakeFault } from './handshake.ts';
import { type Opener, Opening } from './opening.ts';
import { answerHead, headText, type PlainAnswer } from './plain-answer.ts';
import { type Ending, newEnding } from './report.ts';
import {
  holderAt,
  holderOfKey,
  type Slot,
  type Slots,
  slottedGate,
  TOO_MANY_OF_ADDRESS,
  TOO_MANY_OF_KEY,
} from './slots.ts';

const TOO_EARLY = deny('request_rejected', 'Data was sent before the WebSocket was open.');

/** What attempts share, and who is told of their outcome: one of `opened` and `ended`, once. */
export interface AttemptHost {
  readonly gate: Gate;
  readonly clock: Clock;
  readonly slots: Slots;
  readonly dialer: Dialer;
  /** The upstream has agreed and the client was told. What the attempt held is now the host's to end. */
  opened(attempt: Attempt, bridge: Bridge, upstream: Socket): void;
  /** It came to nothing, and the client's connection is closed. */
  ended(attempt: Attempt): void;
}

/** One client's request for a WebSocket, until it is open or has failed: the client's half. */
export class Attempt implements BridgeOwner, Opener {
  readonly upgrade: UpgradeAttempt;
  readonly examined: ExaminedRequest;
  readonly ending: Ending = newEnding();
  decision: Decision | null = null;
  readonly #host: AttemptHost;
  readonly #bridge: Bridge;
  #slot: Slot | null = null;
  #slotRefused = false;
  #opening: Opening | null = null;
  #askedAt = 0;
  /** The client was given its answer, or is gone. */
  #over = false;

  constructor(host: AttemptHost, upgrade: UpgradeAttempt) {
    const { request, peer, policy, at, socket } = upgrade;
    this.#host = host;
    this.upgrade = upgrade;
    this.examined = examine(request, peer, policy, at);
    this.#bridge = new Bridge(socket, this);
  }

  /** @param busy why none is taken on now; null when it is */
  begin(busy: Denial | null): void {
    const { upgrade, examined } = this;
    const { socket, policy } = upgrade;
    socket.on('error', ignore);
    if (socket.closed) return this.#onClose();
    socket.once('close', this.#onClose);
    this.#bridge.hold(upgrade.head);
    const denial = examined.denial ?? handshakeFault(upgrade.request, examined) ?? busy;
    if (denial !== null) return this.refuse(denial);
    try {
      const gate = slottedGate(this.#host.gate, (key) => this.#takeSlotOf(key));
      const decision = decide(examined, policy.routes, gate);
      if (!(decision instanceof Promise)) return this.#decided(decision);
      decision.then((settled) => this.#decided(settled)).catch((error: unknown) => this.#broke(error));
    } catch (error) {
      this.#broke(error);
    }
  }

  /** Answers with a denial and closes the connection. */
  refuse(denial: Denial, failure: string | null = null): void {
    if (this.#over) return;
    const problem = problemOf(denial, this.examined.requestId, this.upgrade.policy.proxy.realm, this.decision);
    this.ending.code = denial.code;
    this.ending.failure = failure;
    const text = problemBytes(problem, this.#host.clock.now());
    this.#sayLast(DENIALS[denial.code].status, Buffer.byteLength(problem.body), Buffer.from(text));
  }

  /** Ends it without an answer. */
  cut(): void {
    this.ending.aborted ??= 'gateway';
    this.upgrade.socket.destroy();
  }

  releaseSlot(): void {
    this.#slot?.release();
  }

  opened(headers: string[], upstream: Socket): void {
    const { socket } = this.upgrade;
    this.#over = true;
    socket.off('close', this.#onClose);
    pushGatewayHeaders(headers, this.examined.requestId, this.decision);
    this.ending.status = 101;
    this.#answered();
    socket.write(headText(101, headers), 'latin1');
    this.#host.opened(this, this.#bridge, upstream);
  }

  declined(answer: PlainAnswer): void {
    if (this.#over) return;
    this.#answered();
    const head = answerHead(answer, this.examined.requestId, this.decision);
    this.#sayLast(answer.response.statusCode ?? 0, answer.body.length, Buffer.from(head, 'latin1'), answer.body);
  }

  moved(): void {
    // Only early bytes move before it is open, and those have a limit of their own.
  }

  /** A client that ends its direction before the WebSocket is open has left. */
  clientEnded(): void {
    if (this.#over) return;
    this.ending.aborted ??= 'client';
    this.upgrade.socket.destroy();
  }

  flooded(): void {
    this.refuse(TOO_EARLY);
  }

  #decided(settled: Decision): void {
    const decision = this.#slotRefused ? withoutSlot(settled) : settled;
    this.decision = decision;
    if (this.#over) return;
    if (decision.denial !== null) return this.refuse(decision.denial);
    const { examined } = this;
    const { policy } = this.upgrade;
    if (decision.key === null && !this.#takeSlot(holderAt(examined.address))) return this.refuse(TOO_MANY_OF_ADDRESS);
    const upstream = policy.upstreams.select(examined.publicHost, examined.path);
    if (upstream === null) return this.refuse(NO_UPSTREAM);
    this.#askedAt = this.#host.clock.now();
    this.#opening = new Opening(this, this.#bridge, upstream, examined, decision, this.#host.dialer);
  }

  /** A check failed rather than decided: that is the gateway's fault, and lets nobody in. */
  #broke(error: unknown): void {
    this.refuse(BROKEN, error instanceof Error ? describe(error) : 'unknown failure');
  }

  #takeSlotOf(key: LoadedKey): boolean {
    // A client that has left while the store was asked gets nothing that would have to be given back.
    if (this.#over || this.#takeSlot(holderOfKey(key))) return true;
    this.#slotRefused = true;
    return false;
  }

  #takeSlot(holder: string): boolean {
    this.#slot = this.#host.slots.take(holder, this.upgrade.policy.proxy.websocket.maxConnectionsPerKey);
    return this.#slot !== null;
  }

  #answered(): void {
    this.ending.upstreamMs = Math.max(0, this.#host.clock.now() - this.#askedAt);
  }

  #sayLast(status: number, bodyBytes: number, ...pieces: readonly Buffer[]): void {
    this.#over = true;
    this.#letGo();
    this.ending.status = status;
    this.ending.responseBytes = bodyBytes;
    sayLast(this.upgrade.socket, pieces);
  }

  #letGo(): void {
    this.#opening?.abandon();
    this.#bridge.release();
    this.releaseSlot();
  }

  readonly #onClose = (): void => {
    if (!this.#over) this.ending.aborted ??= 'client';
    this.#over = true;
    this.#letGo();
    this.#host.ended(this);
  };
}

/** Its limits were never asked, so that what they would have said is left out. */
function withoutSlot(decision: Decision): Decision {
  const shadow = decision.wouldDeny?.filter(({ code }) => code !== 'rate_limited') ?? [];
  return { ...decision, lease: null, denial: TOO_MANY_OF_KEY, wouldDeny: shadow.length === 0 ? null : shadow };
}

function ignore(): void {}
