import type { LoadResult } from './load.ts';

export interface Measured extends LoadResult {
  readonly name: string;
  readonly round: number;
  /** CPU microseconds of the gateway per request; null where there is no gateway. */
  readonly cpuMicros: number | null;
  readonly memoryMb: number | null;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

/** A Markdown table of medians. The ratio is the median of the ratios within each round, with its spread. */
export function report(measured: readonly Measured[], reference: string, conditions: string): string {
  const names = [...new Set(measured.map(({ name }) => name))];
  const rows = names.map((name) => row(name, measured, reference));
  return `${conditions}\n
| | CPU µs/request | ratio to ${reference} (min–max) | requests/s | p50 ms | p99 ms | memory MB | failed |
|---|---|---|---|---|---|---|---|
${rows.join('\n')}
`;
}

function row(name: string, measured: readonly Measured[], reference: string): string {
  const own = measured.filter((result) => result.name === name);
  const of = (pick: (result: Measured) => number | null): string => {
    const values = own.map(pick).filter((value) => value !== null);
    return values.length === 0 ? '–' : format(median(values));
  };
  const ratios = own.flatMap(({ cpuMicros, round }) => {
    const other = measured.find((result) => result.name === reference && result.round === round)?.cpuMicros ?? null;
    return cpuMicros === null || other === null ? [] : [cpuMicros / other];
  });
  const ratio =
    ratios.length === 0
      ? '–'
      : `${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)})`;
  const failed = own.reduce((sum, { failures }) => sum + failures, 0);
  const cells = [
    name,
    of((result) => result.cpuMicros),
    ratio,
    of((result) => result.requestsPerSecond),
    of((result) => result.p50Ms),
    of((result) => result.p99Ms),
    of((result) => result.memoryMb),
    String(failed),
  ];
  return `| ${cells.join(' | ')} |`;
}

function format(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toFixed(value >= 10 ? 1 : 2);
}
