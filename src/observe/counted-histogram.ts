import { Histogram, type Registry } from 'prom-client';
import { DURATION_BUCKETS, type DurationHistogram } from './histogram.ts';

export interface LabelledDurations {
  readonly labels: Readonly<Record<string, string>>;
  readonly durations: DurationHistogram;
}

interface HistogramValue {
  readonly labels: Record<string, string | number>;
  readonly sharedLabels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly metricName: string;
}

export interface CountedHistogramOptions {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  readonly registry: Registry;
  /** What was counted until now. */
  readonly read: () => Iterable<LabelledDurations>;
}

/** A prom-client histogram whose numbers are counted elsewhere and read when it is scraped. */
export class CountedHistogram extends Histogram {
  readonly #options: CountedHistogramOptions;

  constructor(options: CountedHistogramOptions) {
    const { name, help, labelNames, registry } = options;
    super({ name, help, labelNames, registers: [registry], buckets: [...DURATION_BUCKETS] });
    this.#options = options;
  }

  /** What the registry and `get` of prom-client ask a histogram for. */
  async getForPromString(): Promise<object> {
    const { name, help, read } = this.#options;
    const values: HistogramValue[] = [];
    for (const { labels, durations } of read()) {
      let below = 0;
      const add = (suffix: string, own: Record<string, string | number>, value: number): void => {
        values.push({ labels: own, sharedLabels: labels, value, metricName: `${name}_${suffix}` });
      };
      for (const [i, bound] of DURATION_BUCKETS.entries()) {
        below += durations.counts[i] as number;
        add('bucket', { le: bound }, below);
      }
      add('bucket', { le: '+Inf' }, durations.count);
      add('sum', {}, durations.sumMs / 1000);
      add('count', {}, durations.count);
    }
    return { name, help, type: 'histogram', aggregator: 'sum', values };
  }
}
