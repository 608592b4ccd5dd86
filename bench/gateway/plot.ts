import { FIGURES, format, type Measured } from './figures.ts';
import type { Scenario } from './scenarios/scenario.ts';
import { failuresOf, type Row, rowsOf, valuesOf } from './table.ts';

const WIDTH = 860;
const NAMES = 250;
const VALUES = 90;
const BAR = 16;
const STEP = 26;
const TOP = 40;
const OWN = '#1f6feb';
const OTHER = '#8c959f';
const FAILED = '#cf222e';

/** An SVG with a bar for each row: the median, and a whisker from the least to the most of all rounds. */
export function barsOf(scenario: Scenario, measured: readonly Measured[]): string {
  const rows = rowsOf(scenario, measured).filter(({ own }) => valuesOf(own, scenario.main) !== null);
  const most = Math.max(...rows.map(({ own }) => valuesOf(own, scenario.main)?.max ?? 0), Number.MIN_VALUE);
  const scale = (value: number): number => NAMES + (Math.max(0, value) / most) * (WIDTH - NAMES - VALUES);
  const parts: string[] = [];
  let y = TOP;
  let variant = '';
  for (const row of rows) {
    if (row.variant !== variant) {
      parts.push(text(10, y + BAR - 4, row.variant, 'font-weight="bold"'));
      variant = row.variant;
      y += STEP;
    }
    parts.push(bar(row, scenario, y, scale));
    y += STEP;
  }
  return svg(y + 10, `${scenario.title}: ${FIGURES[scenario.main]}`, parts);
}

function bar({ contestant, own }: Row, { main }: Scenario, y: number, scale: (value: number) => number): string {
  const spread = valuesOf(own, main);
  if (spread === null) return '';
  const failed = failuresOf(own) > 0;
  const colour = failed ? FAILED : contestant.startsWith('latchkey') ? OWN : OTHER;
  const middle = y + BAR / 2;
  const [from, to] = [scale(spread.min), scale(spread.max)];
  const whisker = `M${round(from)} ${middle}H${round(to)}M${round(from)} ${middle - 4}v8M${round(to)} ${middle - 4}v8`;
  return [
    text(NAMES - 8, middle + 4, contestant, 'text-anchor="end"'),
    `<rect x="${NAMES}" y="${y}" width="${round(scale(spread.median) - NAMES)}" height="${BAR}" fill="${colour}"/>`,
    `<path d="${whisker}" stroke="#24292f" fill="none"/>`,
    text(round(to) + 8, middle + 4, `${format(spread.median)}${failed ? ' (failures)' : ''}`),
  ].join('\n');
}

const LINES = 300;
const COLOURS = [OWN, '#bc4c00', '#1a7f37', '#8250df'];

/** An SVG with a line for each measurement: memory over its time. */
export function linesOf(scenario: Scenario, measured: readonly Measured[]): string {
  const drawn = measured.filter(({ series }) => series !== undefined);
  const most = Math.max(...drawn.flatMap(({ series = [] }) => series), 1);
  const [left, right, bottom] = [60, WIDTH - 230, TOP + LINES];
  const names = [...new Set(drawn.map(({ contestant }) => contestant))];
  const parts = [0, 0.5, 1].map((share) => {
    const y = bottom - share * LINES;
    return `<path d="M${left} ${y}H${right}" stroke="#d0d7de"/>\n${text(left - 6, y + 4, format(most * share), 'text-anchor="end"')}`;
  });
  for (const { contestant, series = [] } of drawn) {
    const points = series.map(
      (value, i) =>
        `${round(left + ((right - left) * i) / Math.max(1, series.length - 1))},${round(bottom - (value / most) * LINES)}`,
    );
    const colour = COLOURS[names.indexOf(contestant) % COLOURS.length];
    parts.push(`<polyline points="${points.join(' ')}" stroke="${colour}" stroke-width="2" fill="none"/>`);
  }
  for (const [i, name] of names.entries()) {
    parts.push(text(right + 12, TOP + 16 + i * 20, name, `fill="${COLOURS[i % COLOURS.length]}"`));
  }
  return svg(bottom + 20, `${scenario.title}: MB over time`, parts);
}

function svg(height: number, title: string, parts: readonly string[]): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="13">
<rect width="100%" height="100%" fill="#ffffff"/>
${text(10, 24, title, 'font-weight="bold" font-size="15"')}
${parts.join('\n')}
</svg>
`;
}

function text(x: number, y: number, content: string, more = ''): string {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<text x="${x}" y="${y}" ${more}>${escaped}</text>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
