import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Measured } from './figures.ts';
import { barsOf, linesOf } from './plot.ts';
import type { Scenario } from './scenarios/scenario.ts';
import { tableOf } from './table.ts';

export interface Published {
  readonly scenario: Scenario;
  readonly measured: readonly Measured[];
  /** What was not measured, and why. */
  readonly absent: readonly string[];
  /** How it was measured, and on what. */
  readonly conditions: string;
}

/** The Markdown of one scenario, as it is printed. */
export function textOf({ scenario, measured, absent, conditions }: Published): string {
  const failed = measured.some(({ failures }) => failures > 0);
  const parts = [
    `# ${scenario.title}`,
    conditions,
    tableOf(scenario, measured),
    ...(failed ? ['Some requests FAILED: what is said of those rows does not count.'] : []),
    ...(absent.length === 0 ? [] : [absent.map((line) => `- not measured: ${line}`).join('\n')]),
  ];
  return `${parts.join('\n\n')}\n`;
}

/** Writes the table and its plot. */
export function publish(folder: string, published: Published): void {
  const { scenario, measured } = published;
  mkdirSync(folder, { recursive: true });
  const plot = measured.some(({ series }) => series !== undefined) ? linesOf : barsOf;
  writeFileSync(
    join(folder, `${scenario.name}.md`),
    `${textOf(published)}\n![${scenario.title}](${scenario.name}.svg)\n`,
  );
  writeFileSync(join(folder, `${scenario.name}.svg`), plot(scenario, measured));
}
