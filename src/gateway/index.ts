import type { AddressInfo } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { Config } from '../config/config.ts';
import type { Clock } from '../core/clock.ts';
import type { ExchangeSink } from '../core/exchange.ts';
import type { Gate } from '../core/gate.ts';
import type { GatewayContext } from './context.ts';
import { InFlight } from './in-flight.ts';
import { NodeFront } from './node-front.ts';
import { type Policy, policyOf } from './policy.ts';
import type { UpgradeHandler } from './upgrade-handler.ts';
import { UpstreamRegistry } from './upstream-registry.ts';

export interface GatewayOptions {
  readonly config: Config;
  readonly gate: Gate;
  readonly clock: Clock;
  /** Told of each exchange once, after its answer. */
  readonly onExchange: ExchangeSink;
  /** Takes over upgrades; without one, requests for a WebSocket are refused. */
  readonly upgrades?: UpgradeHandler;
  /** Listens beside other processes on the same address, among which the system spreads connections. */
  readonly sharesPort?: boolean;
}

/** The data plane: a listener, the checks, and the connections to the upstreams. */
export interface Gateway {
  /** Resolves with the address that it listens on; rejects when it cannot. */
  listen(): Promise<AddressInfo>;
  /** Puts another configuration in place for the requests that come from now on. The listen address stays. */
  reload(config: Config): void;
  /** Waits out the drain delay, stops listening, lets requests in flight finish for the drain timeout, cuts the rest. */
  drain(): Promise<void>;
  /** Cuts everything at once. */
  close(): Promise<void>;
  /** null while it does not listen. */
  readonly address: AddressInfo | null;
  /** Requests that have no whole answer yet. */
  readonly inFlight: number;
  /** Requests that the strict reader in front of node:http has dealt with, since the start. */
  readonly servedFast: number;
  /** Connections that it gave to node:http, since the start. Such a connection stays there. */
  readonly handedOver: number;
}

/** @throws PatternError on a route pattern that is not one; a loaded configuration has none. */
export function createGateway(options: GatewayOptions): Gateway {
  return new NodeGateway(options);
}

class NodeGateway implements Gateway {
  address: AddressInfo | null = null;
  readonly #registry = new UpstreamRegistry();
  readonly #context: GatewayContext;
  readonly #front: NodeFront;
  readonly #upgrades: UpgradeHandler | null;

  constructor({ config, gate, clock, onExchange, upgrades, sharesPort = false }: GatewayOptions) {
    this.#context = {
      gate,
      clock,
      onExchange,
      policy: this.#policyOf(config),
      draining: false,
      inFlight: new InFlight(),
      now: performance.now(),
    };
    this.#upgrades = upgrades ?? null;
    this.#front = new NodeFront(this.#context, this.#upgrades, sharesPort);
  }

  get inFlight(): number {
    return this.#context.inFlight.size;
  }

  get servedFast(): number {
    return this.#front.servedFast;
  }

  get handedOver(): number {
    return this.#front.handedOver;
  }

  async listen(): Promise<AddressInfo> {
    this.address = await this.#front.listen();
    return this.address;
  }

  reload(config: Config): void {
    const old = this.#context.policy;
    const policy = this.#policyOf(config);
    this.#context.policy = policy;
    this.#front.adopt(policy);
    this.#registry.retire(old.upstreams);
  }

  #policyOf(config: Config): Policy {
    const table = this.#registry.tableFor(config.upstreams);
    try {
      return policyOf(config, table);
    } catch (error) {
      this.#registry.retire(table);
      throw error;
    }
  }

  async drain(): Promise<void> {
    const { drainDelayMs, drainTimeoutMs } = this.#context.policy.proxy;
    if (drainDelayMs > 0) await after(drainDelayMs).passed;
    const deadline = after(drainTimeoutMs);
    const finished = Promise.all([this.#front.stop(), this.#upgrades?.drain()]);
    await Promise.race([finished, deadline.passed]);
    deadline.cancel();
    await this.close();
  }

  async close(): Promise<void> {
    const stopped = this.#front.stop();
    this.#front.cut();
    this.#upgrades?.close();
    await stopped;
    this.address = null;
    await this.#registry.destroy();
  }
}

function after(ms: number): { passed: Promise<void>; cancel(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  return { passed: promise, cancel: () => clearTimeout(timer) };
}
