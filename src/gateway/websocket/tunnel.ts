import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../core/clock.ts';
import type { Decision } from '../../core/decision.ts';
import type { Denial } from '../../core/denial.ts';
import type { RouteTable } from '../../core/route.ts';
import type { Bridge, BridgeOwner } from './bridge.ts';
import { reset } from './farewell.ts';
import type { Rechecked } from './recheck.ts';
import type { Ending } from './report.ts';
import type { Waits } from './waits.ts';

/** RFC 6455 §7.4.1. */
export const GOING_AWAY = 1001;
const POLICY_VIOLATION = 1008;

export interface TunnelParts {
  readonly client: Duplex;
  readonly upstream: Socket;
  readonly bridge: Bridge;
  readonly decision: Decision;
  readonly clock: Clock;
  /** No byte in either direction for this long: it is closed. */
  readonly idleTimeoutMs: number;
  readonly waits: Waits;
  /** How long it stays open while it cannot be said whether its key still holds. */
  readonly maxStaleMs: number;
  readonly routes: () => RouteTable;
  /** Called once, when both connections are closed. */
  readonly onEnd: (ending: Pick<Ending, 'aborted' | 'requestBytes' | 'responseBytes'>) => void;
}

/** An open WebSocket: two connections and a bridge between them. It sees to it that all three end together. */
export class Tunnel implements BridgeOwner, Rechecked {
  readonly decision: Decision;
  readonly #parts: TunnelParts;
  #timer: NodeJS.Timeout;
  #closing = false;
  #halfClosed = false;
  #confirmedAt: number;
  #abortedBy: Ending['aborted'] = null;
  #endedFirst: 'client' | 'upstream' | null = null;
  #stillOpen = 2;

  constructor(parts: TunnelParts) {
    this.#parts = parts;
    this.decision = parts.decision;
    this.#confirmedAt = parts.decision.request.at;
    this.#timer = setTimeout(() => this.close(GOING_AWAY, 'idle'), parts.idleTimeoutMs);
    parts.client.once('close', () => this.#clientClosed());
    parts.upstream.once('close', () => this.#upstreamClosed());
    parts.upstream.once('end', () => this.#halfClose('upstream'));
    parts.bridge.open(this);
  }

  get routes(): RouteTable {
    return this.#parts.routes();
  }

  /**
   * Ends it with a Close to both sides; cuts it when they have not answered in time.
   * @param code   RFC 6455 §7.4
   * @param reason ASCII, at most 123 characters
   */
  close(code: number, reason: string): void {
    if (this.#closing || this.#stillOpen === 0) return;
    this.#closing = true;
    this.#abortedBy ??= 'gateway';
    this.#limit(this.#parts.waits.closeMs, () => this.cut());
    if (!this.#parts.bridge.sendClose(code, reason)) this.cut();
  }

  /** Ends it at once. */
  cut(): void {
    this.#abortedBy ??= 'gateway';
    this.#parts.client.destroy();
    this.#parts.upstream.destroy();
  }

  moved(): void {
    if (!this.#closing) this.#timer.refresh();
  }

  clientEnded(): void {
    this.#halfClose('client');
  }

  flooded(): void {
    // Nothing is held back any more.
  }

  confirmed(at: number): void {
    this.#confirmedAt = at;
  }

  refused(denial: Denial): void {
    // A store that is down says nothing about the key: the tunnel stays as long as a key in memory would.
    const unsure = denial.code === 'key_store_unavailable';
    const { clock, maxStaleMs } = this.#parts;
    if (unsure && clock.now() - this.#confirmedAt < maxStaleMs) return;
    this.close(POLICY_VIOLATION, denial.code);
  }

  #halfClose(by: 'client' | 'upstream'): void {
    this.#endedFirst ??= by;
    if (this.#halfClosed) return;
    this.#halfClosed = true;
    if (this.#closing) return;
    const { waits, bridge, idleTimeoutMs } = this.#parts;
    const isAbandoned = by === 'client' && !bridge.sawClose;
    this.#limit(Math.min(isAbandoned ? waits.abandonedMs : waits.halfClosedMs, idleTimeoutMs), () => {
      if (isAbandoned) this.#abortedBy ??= 'client';
      this.cut();
    });
  }

  #clientClosed(): void {
    const { client, upstream } = this.#parts;
    // Closed before the upstream had ended: what still comes has nobody to go to.
    if (!this.#closing && !(client.readableEnded && upstream.readableEnded)) {
      this.#abortedBy ??= 'client';
      reset(upstream);
    }
    this.#oneClosed('client');
  }

  #upstreamClosed(): void {
    const { client, upstream, bridge } = this.#parts;
    if (!this.#closing && !upstream.readableEnded) {
      this.#abortedBy ??= 'upstream';
      reset(client);
    }
    bridge.ignoreClient();
    this.#oneClosed('upstream');
  }

  #oneClosed(side: 'client' | 'upstream'): void {
    this.#halfClose(side);
    if (--this.#stillOpen > 0) return;
    clearTimeout(this.#timer);
    const { bridge, onEnd } = this.#parts;
    // An end without a Close is one that no WebSocket makes.
    if (!bridge.sawClose) this.#abortedBy ??= this.#endedFirst;
    bridge.release();
    const { requestBytes, responseBytes } = bridge;
    onEnd({ aborted: this.#abortedBy, requestBytes, responseBytes });
  }

  #limit(ms: number, then: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(then, ms);
  }
}
