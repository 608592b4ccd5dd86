import type { Limits } from '../../../src/core/limits.ts';
import { KeyAudit, LEASE_MS } from './audit.ts';
import { EventQueue } from './event-queue.ts';
import { SimulatedGateway } from './gateway.ts';
import { Broken } from './gauge.ts';
import { SimulatedLedger } from './ledger.ts';
import { type Surroundings, TIMEOUT_MS } from './link.ts';
import { Chance, type Scenario, type Traffic } from './scenario.ts';

const SWEEP_MS = 200;
/** A restart takes so long at most. */
const RESTART_MS = 500;
/** Events that are remembered for who looks at a failure. */
const TRACE_LENGTH = 50;

/** Gateways, their ledger and what happens to them, drawn from one seed: the same each time. */
export class World implements Surroundings {
  readonly scenario: Scenario;
  readonly chance: Chance;
  readonly queue = new EventQueue();
  readonly ledger: SimulatedLedger;
  readonly audits: ReadonlyMap<string, KeyAudit>;
  storeIs: Surroundings['storeIs'] = 'well';
  readonly #keyIds: readonly string[];
  readonly #gateways: SimulatedGateway[];
  readonly #trace: string[] | null;
  #lives = 0;
  #asked = 0;
  requests = 0;
  /** Things that happened: requests that came, messages that arrived, and so on. */
  steps = 0;
  decidedAlone = 0;
  failure: unknown = null;

  /** @param isTraced whether to remember what happens, which takes its time */
  constructor(scenario: Scenario, isTraced = false) {
    this.scenario = scenario;
    this.chance = new Chance(scenario.seed ^ 0x5f37_59df);
    this.ledger = new SimulatedLedger(scenario.beginsAt);
    this.#keyIds = scenario.limits.map((_, i) => `key ${i}`);
    const processes = scenario.kind === 'well' ? scenario.skews.length : null;
    this.audits = new Map(
      this.#keyIds.map((id, i) => [id, new KeyAudit(scenario.limits[i] as Limits, scenario.beginsAt, processes)]),
    );
    this.#trace = isTraced ? [] : null;
    this.#gateways = scenario.skews.map((_, i) => this.#start(i));
    for (const traffic of scenario.traffic) this.#planTraffic(traffic);
    this.#gateways.forEach((_, i) => this.#planSweep(i));
    this.#planTroubles();
  }

  get trace(): readonly string[] {
    return this.#trace ?? [];
  }

  /** Questions to the ledger. */
  get asked(): number {
    return this.#asked + this.#gateways.reduce((sum, { asked }) => sum + asked, 0);
  }

  /** Whether nothing more happens. */
  get isOver(): boolean {
    return this.failure !== null || this.queue.isEmpty;
  }

  note = (text: () => string): void => {
    if (this.#trace === null) return;
    this.#trace.push(`${this.queue.now.toFixed(3)} ${text()}`);
    if (this.#trace.length > TRACE_LENGTH) this.#trace.shift();
  };

  /** Lets one thing happen. What follows from it in promises must be over before the next. */
  step(): void {
    this.steps++;
    try {
      this.queue.runNext();
      if (this.queue.isEmpty) this.#finish();
    } catch (error) {
      this.failed(error);
    }
  }

  failed = (error: unknown): void => {
    if (this.failure !== null) return;
    this.failure = error;
    this.note(() => String(error));
  };

  #start(index: number): SimulatedGateway {
    const name = `gateway ${index}.${this.#lives++}`;
    return new SimulatedGateway(this, name, this.scenario.skews[index] as number, this.#keyIds);
  }

  #planTraffic(traffic: Traffic): void {
    const { chance, queue, scenario } = this;
    const { atOnce, everyMs, isIrregular } = traffic;
    const next = (): void => {
      if (queue.now >= scenario.lastsMs) return;
      const gateway = this.#gateways[traffic.process ?? chance.below(this.#gateways.length)] as SimulatedGateway;
      const count = isIrregular ? chance.between(1, 2 * atOnce - 1) : atOnce;
      if (gateway.isUp) this.#send(gateway, traffic.key, count);
      queue.plan(isIrregular ? -everyMs * Math.log(1 - chance.within(0, 0.999)) : everyMs, next);
    };
    queue.plan(chance.within(0, everyMs), next);
  }

  #send(gateway: SimulatedGateway, key: number, count: number): void {
    this.note(() => `${gateway.name} gets ${count} requests with key ${key}`);
    this.requests += count;
    for (let i = 0; i < count; i++) gateway.request(key);
  }

  #planSweep(index: number): void {
    const { queue, scenario } = this;
    const sweep = (): void => {
      const gateway = this.#gateways[index] as SimulatedGateway;
      if (gateway.isUp) gateway.sweep();
      if (queue.now < scenario.lastsMs + 2 * LEASE_MS + 4 * TIMEOUT_MS) queue.plan(SWEEP_MS, sweep);
    };
    queue.plan(this.chance.within(0, SWEEP_MS), sweep);
  }

  #planTroubles(): void {
    const { scenario } = this;
    this.#every(scenario.crashEveryMs, () => this.#crash());
    this.#every(scenario.restartEveryMs, () => this.#restart());
    this.#every(scenario.outageEveryMs, () => this.#outage());
    this.#every(scenario.failoverEveryMs, () => this.#failOver());
  }

  #every(meanMs: number, happens: () => void): void {
    const { chance, queue, scenario } = this;
    if (meanMs === Number.POSITIVE_INFINITY) return;
    const next = (): void => {
      if (queue.now >= scenario.lastsMs) return;
      happens();
      queue.plan(chance.within(0, 2 * meanMs), next);
    };
    queue.plan(chance.within(0, 2 * meanMs), next);
  }

  #crash(): void {
    const index = this.chance.below(this.#gateways.length);
    const gateway = this.#gateways[index] as SimulatedGateway;
    if (!gateway.isUp) return;
    gateway.crash();
    this.queue.plan(this.chance.within(0, RESTART_MS), () => this.#replace(index));
  }

  /** In good order: no more requests, the last answers, everything given back. */
  #restart(): void {
    const index = this.chance.below(this.#gateways.length);
    const gateway = this.#gateways[index] as SimulatedGateway;
    if (!gateway.isUp) return;
    gateway.isUp = false;
    const whenQuiet = (): void => {
      if (gateway.waiting > 0) return this.queue.plan(TIMEOUT_MS, whenQuiet);
      gateway.stop().then(() => this.queue.plan(0, () => this.#replace(index)), this.failed);
    };
    whenQuiet();
  }

  #replace(index: number): void {
    const { asked, decidedAlone } = this.#gateways[index] as SimulatedGateway;
    this.#asked += asked;
    this.decidedAlone += decidedAlone;
    this.#gateways[index] = this.#start(index);
  }

  /** Of the store, or of the way to it from one gateway. */
  #outage(): void {
    const { chance, queue } = this;
    const endsInMs = chance.scaled(5, 3_000);
    if (chance.happens(0.3)) {
      const { link, name } = chance.pick(this.#gateways);
      this.note(() => `${name} is cut off for ${endsInMs} ms`);
      link.partition(true);
      queue.plan(endsInMs, () => link.partition(false));
      return;
    }
    this.storeIs = chance.pick(['refusing', 'silent']);
    this.note(() => `the store is ${this.storeIs} for ${endsInMs} ms`);
    queue.plan(endsInMs, () => {
      this.storeIs = 'well';
    });
  }

  #failOver(): void {
    const { now } = this.queue;
    const { failoverLagMs } = this.scenario;
    this.note(() => `the store fails over and forgets ${failoverLagMs} ms`);
    for (const { keyId, granted, time } of this.ledger.failOver(now - failoverLagMs)) {
      this.audits.get(keyId)?.forgotten(granted, time, now);
    }
  }

  #finish(): void {
    for (const gateway of this.#gateways) {
      this.decidedAlone += gateway.decidedAlone;
      if (gateway.waiting > 0) throw new Broken(`${gateway.name} leaves ${gateway.waiting} requests unanswered`);
    }
    for (const [keyId, audit] of this.audits) {
      audit.mustBeDone(this.ledger.stateOf(keyId));
      if (this.scenario.kind === 'well' && audit.lost > 0) throw new Broken(`${audit.lost} admissions were lost`);
    }
  }
}
