import { FIGURES, type Figure, format, type Measured, type Spread, spreadOf } from './figures.ts';
import type { Ratio, Scenario } from './scenarios/scenario.ts';

/** A Markdown table of medians over the rounds. Ratios are medians of those within each round, with their spread. */
export function tableOf(scenario: Scenario, measured: readonly Measured[]): string {
  const columns = scenario.columns.filter((figure) => measured.some(({ figures }) => figures[figure] !== undefined));
  const labelled = scenario.variants.length > 1;
  const titles = [
    ...(labelled ? ['', 'variant'] : ['']),
    ...columns.map((figure) => FIGURES[figure]),
    ...scenario.ratios.map((ratio) => `ratio to ${nameOf(ratio)} (min–max)`),
    'failed',
  ];
  const rows = rowsOf(scenario, measured).map(({ contestant, variant, own }) => [
    contestant,
    ...(labelled ? [variant] : []),
    ...columns.map((figure) => medianOf(own, figure)),
    ...scenario.ratios.map((ratio) => ratioOf(own, measured, ratio, scenario.main)),
    failedOf(own),
  ]);
  return [titles, titles.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

export interface Row {
  readonly contestant: string;
  readonly variant: string;
  /** Its measurements, one for each round. */
  readonly own: readonly Measured[];
}

/** Contestants in their order, within variants in theirs; those that were measured. */
export function rowsOf({ contestants, variants }: Scenario, measured: readonly Measured[]): readonly Row[] {
  return variants
    .flatMap(({ label }) =>
      contestants.map(({ name }) => ({
        contestant: name,
        variant: label,
        own: measured.filter(({ contestant, variant }) => contestant === name && variant === label),
      })),
    )
    .filter(({ own }) => own.length > 0);
}

export function valuesOf(own: readonly Measured[], figure: Figure): Spread | null {
  return spreadOf(own.map(({ figures }) => figures[figure]).filter((value) => value !== undefined));
}

export function failuresOf(own: readonly Measured[]): number {
  return own.reduce((sum, { failures }) => sum + failures, 0);
}

function medianOf(own: readonly Measured[], figure: Figure): string {
  const spread = valuesOf(own, figure);
  return spread === null ? '–' : format(spread.median);
}

/** Failures make the other figures of their row doubtful, so they are not to be overlooked. */
function failedOf(own: readonly Measured[]): string {
  const failed = failuresOf(own);
  return failed === 0 ? '0' : `**${failed} FAILED**`;
}

function nameOf(ratio: Ratio): string {
  return 'contestant' in ratio ? ratio.contestant : ratio.variant;
}

function isReference({ contestant, variant }: Measured, ratio: Ratio): boolean {
  return 'contestant' in ratio ? contestant === ratio.contestant : variant === ratio.variant;
}

function ratioOf(own: readonly Measured[], all: readonly Measured[], ratio: Ratio, figure: Figure): string {
  const ratios = own.flatMap((one) => {
    const wanted = { contestant: one.contestant, variant: one.variant, ...ratio };
    const other = all.find(
      ({ contestant, variant, round }) =>
        contestant === wanted.contestant && variant === wanted.variant && round === one.round,
    );
    const value = one.figures[figure];
    const against = other?.figures[figure];
    return value === undefined || against === undefined || against === 0 ? [] : [value / against];
  });
  const spread = spreadOf(ratios);
  if (spread === null) return '–';
  if (own.every((one) => isReference(one, ratio))) return '1';
  return `${spread.median.toFixed(2)} (${spread.min.toFixed(2)}–${spread.max.toFixed(2)})`;
}
