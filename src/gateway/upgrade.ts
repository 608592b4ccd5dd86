import type { Socket } from 'node:net';
import type { Clock } from '../core/clock.ts';
import { deny } from '../core/denial.ts';
import type { ExchangeSink } from '../core/exchange.ts';
import type { Gate } from '../core/gate.ts';
import type { RouteTable } from '../core/route.ts';
import { OVERLOADED } from './gateway-denials.ts';
import type { UpgradeAttempt, UpgradeHandler } from './upgrade-handler.ts';
import { Attempt, type AttemptHost } from './websocket/attempt.ts';
import type { Bridge } from './websocket/bridge.ts';
import { Dialer } from './websocket/dialer.ts';
import { Recheck } from './websocket/recheck.ts';
import { type Ending, reportUpgrade } from './websocket/report.ts';
import { Slots } from './websocket/slots.ts';
import { GOING_AWAY, Tunnel } from './websocket/tunnel.ts';
import { WAITS, type Waits } from './websocket/waits.ts';

const SHUTTING_DOWN = deny('overloaded', 'The gateway is shutting down. Try again in a moment.', { retry_after: 1 });

export interface UpgraderOptions {
  readonly gate: Gate;
  readonly clock: Clock;
  /** Told of each upgrade once, when it has ended. */
  readonly onExchange: ExchangeSink;
  /**
   * How long a WebSocket stays open, in milliseconds, while the key store cannot say whether its key still holds and the
   * key is not in memory; 0 when absent.
   */
  readonly maxStaleMs?: number;
  /** The routes that hold now, for asking again; those of the time of the upgrade when absent. */
  readonly routes?: () => RouteTable;
  /** Those of WAITS where absent. */
  readonly waits?: Partial<Waits>;
}

/** Takes upgrades to WebSockets through all the checks and keeps what is open. */
export interface Upgrader extends UpgradeHandler {
  /** WebSockets that are open now. */
  readonly open: number;
}

export function createUpgrader(options: UpgraderOptions): Upgrader {
  return new WebSocketUpgrader(options);
}

class WebSocketUpgrader implements Upgrader, AttemptHost {
  readonly gate: Gate;
  readonly clock: Clock;
  readonly slots = new Slots();
  readonly dialer = new Dialer();
  readonly #options: UpgraderOptions;
  readonly #attempts = new Set<Attempt>();
  readonly #tunnels = new Set<Tunnel>();
  readonly #waits: Waits;
  readonly #recheck: Recheck;
  #draining = false;
  #waiting: (() => void)[] = [];

  constructor(options: UpgraderOptions) {
    this.gate = options.gate;
    this.clock = options.clock;
    this.#options = options;
    this.#waits = { ...WAITS, ...options.waits };
    this.#recheck = new Recheck(options.gate, this.#tunnels, this.#waits.recheckMs);
  }

  get open(): number {
    return this.#tunnels.size;
  }

  handle(upgrade: UpgradeAttempt): void {
    try {
      const attempt = new Attempt(this, upgrade);
      const full = this.#attempts.size >= upgrade.policy.proxy.maxRequestsInFlight;
      this.#attempts.add(attempt);
      attempt.begin(this.#draining ? SHUTTING_DOWN : full ? OVERLOADED : null);
    } catch {
      // A fault of the gateway's own costs one connection, never the process.
      upgrade.socket.destroy();
    }
  }

  drain(): Promise<void> {
    this.#draining = true;
    for (const attempt of this.#attempts) attempt.refuse(SHUTTING_DOWN);
    for (const tunnel of this.#tunnels) tunnel.close(GOING_AWAY, 'going away');
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#wakeIfIdle();
    });
  }

  close(): void {
    this.#draining = true;
    for (const attempt of this.#attempts) attempt.cut();
    for (const tunnel of this.#tunnels) tunnel.cut();
  }

  opened(attempt: Attempt, bridge: Bridge, upstream: Socket): void {
    const { upgrade, decision } = attempt;
    if (decision === null) throw new Error('an upgrade must be decided before it is opened');
    const { policy, socket } = upgrade;
    const tunnel = new Tunnel({
      client: socket,
      upstream,
      bridge,
      decision,
      clock: this.clock,
      idleTimeoutMs: policy.proxy.websocket.idleTimeoutMs,
      waits: this.#waits,
      maxStaleMs: this.#options.maxStaleMs ?? 0,
      routes: this.#options.routes ?? (() => policy.routes),
      onEnd: (ended) => {
        this.#tunnels.delete(tunnel);
        this.#finish(attempt, ended);
      },
    });
    this.#attempts.delete(attempt);
    this.#tunnels.add(tunnel);
    this.#recheck.start();
  }

  ended(attempt: Attempt): void {
    this.#attempts.delete(attempt);
    this.#finish(attempt, {});
  }

  #finish(attempt: Attempt, ended: Partial<Ending>): void {
    attempt.releaseSlot();
    const ending = { ...attempt.ending, ...ended };
    reportUpgrade(attempt.examined, attempt.decision, ending, this.clock.now(), this.#options.onExchange);
    this.#wakeIfIdle();
  }

  #wakeIfIdle(): void {
    if (this.#attempts.size > 0 || this.#tunnels.size > 0) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
