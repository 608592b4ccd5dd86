import type { KeyUse, UsageDelta, UsageTotals } from '../../core/usage.ts';
import { beginOf, beginOfUse, SHARDS, shardOf } from './usage-lines.ts';

/** Tables of names of which it is remembered how they are written; forgotten all at once when there are more. */
const MAX_NAMES = 1_024;

/** Times are written as seconds, which many have in common, and these. */
const MILLISECONDS = Array.from({ length: 1_000 }, (_, ms) => String(ms).padStart(3, '0'));

/** How endpoints, methods and denials are written. */
interface Names {
  readonly methods: UsageDelta['methods'];
  readonly denials: UsageDelta['denials'];
  /** What follows the hours. */
  readonly text: string;
  /** All requests that they tell of. */
  readonly requests: number;
  /** What follows an hour's name when it has all of them, and none failed. */
  readonly noneFailed: string;
}

/** What was found out for former lines. */
export class LineMemory {
  readonly #names = new Map<UsageDelta['endpoints'], Names>();
  #second = Number.NaN;
  #secondText = '';
  #day = Number.NaN;
  #beginText = '';
  /** In which was counted of late. */
  hour = 0;

  namesOf({ endpoints, methods, denials }: UsageDelta): Names {
    const known = this.#names.get(endpoints);
    if (known !== undefined && known.methods === methods && known.denials === denials) return known;
    let requests = 0;
    for (const method in methods) requests += methods[method] as number;
    const text = `},${JSON.stringify([endpoints, methods, denials]).slice(1)}`;
    const names = { methods, denials, text, requests, noneFailed: `${requests},0,` };
    // What is frozen stays what it was.
    if (!Object.isFrozen(endpoints) || !Object.isFrozen(methods) || !Object.isFrozen(denials)) return names;
    if (this.#names.size >= MAX_NAMES) this.#names.clear();
    this.#names.set(endpoints, names);
    return names;
  }

  /** What stands between a scope and the totals of the hour. */
  beginOf(day: number): string {
    if (day !== this.#day) {
      this.#day = day;
      this.#beginText = `\t${day}\t[{"${this.hour}":[`;
    }
    return this.#beginText;
  }

  /** @param hour of which lines will be */
  turnTo(hour: number): void {
    this.hour = hour;
    this.#day = Number.NaN;
  }

  /** @param at milliseconds since the epoch; null: '' */
  timeText(at: number | null): string {
    if (at === null) return '';
    if (!Number.isInteger(at) || at < 1_000) return String(at);
    const second = Math.floor(at / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#secondText = String(second);
    }
    return this.#secondText + (MILLISECONDS[at - second * 1_000] as string);
  }
}

/** Makes the lines of a batch, by shard, those of last uses after the others; '' for shards that it says nothing of. */
export class LineMaker {
  readonly #memory: LineMemory;
  readonly #counts = Array.from({ length: SHARDS }, () => '');
  readonly #uses = Array.from({ length: SHARDS }, () => '');

  constructor(memory: LineMemory) {
    this.#memory = memory;
  }

  /** By hand, as it is done for each key that was used, every second: few short pieces make a line. */
  add(delta: UsageDelta): void {
    const memory = this.#memory;
    const shard = shardOf(delta.scope);
    const names = memory.namesOf(delta);
    const totals = delta.hours[memory.hour];
    const begin = (this.#counts[shard] as string) + beginOf(delta.scope);
    // Each request has one method, so all of them were in that hour: to ask for the others would take as long as all the rest.
    if (totals !== undefined && totals.requests === names.requests) {
      const few = totals.errors === 0 ? names.noneFailed : `${totals.requests},${totals.errors},`;
      this.#counts[shard] = `${begin}${memory.beginOf(delta.day)}${few}${totals.timeUs}]${names.text}`;
    } else this.#counts[shard] = `${begin}\t${delta.day}\t[{${this.#hours(delta.hours)}${names.text}`;
  }

  addUse({ keyId, lastUsedAt, previousLastUsedAt }: KeyUse): void {
    const shard = shardOf(`key:${keyId}`);
    const times = `\t${this.#memory.timeText(lastUsedAt)}\t${this.#memory.timeText(previousLastUsedAt)}`;
    this.#uses[shard] += beginOfUse(keyId) + times;
  }

  shards(): string[] {
    return this.#counts.map((counts, shard) => counts + (this.#uses[shard] as string));
  }

  #hours(hours: UsageDelta['hours']): string {
    const texts: string[] = [];
    for (const hour in hours) {
      const { requests, errors, timeUs } = hours[hour as unknown as number] as UsageTotals;
      texts.push(`"${hour}":[${requests},${errors},${timeUs}]`);
      this.#memory.turnTo(Number(hour));
    }
    return texts.join(',');
  }
}
