/** One line of a table: what was measured, and what came out in each column. */
export interface Row {
  readonly what: string;
  readonly cells: readonly string[];
}

/** What one part of a run measures with one store. */
export interface Measurement {
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
}

/** The value below which so great a share of the values lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Median, 99th percentile and the largest, in that order. */
export function spread(values: readonly number[]): string[] {
  return [quantile(values, 0.5), quantile(values, 0.99), Math.max(...values)].map(figure);
}

/** About three digits. */
export function figure(value: number): string {
  if (value >= 100 || Number.isInteger(value)) return String(Math.round(value));
  return value >= 10 ? value.toFixed(1) : value.toPrecision(2);
}

/** A Markdown table. @param measured by store */
export function table(title: string, measured: readonly (Measurement & { readonly store: string })[]): string {
  const columns = measured[0]?.columns ?? [];
  const rows = measured.flatMap(({ store, rows }) => rows.map(({ what, cells }) => line([store, what, ...cells])));
  return `### ${title}\n\n${line(['store', ...columns])}\n|${'---|'.repeat(columns.length + 1)}\n${rows.join('\n')}\n`;
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}
