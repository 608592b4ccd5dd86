import type { TotalUsageAnswer } from '../../management/schemas/usage.ts';
import { oneLine } from '../../observe/log-text.ts';
import { bars, columns, condensed, grouped } from '../chart.ts';
import type { Io } from '../io.ts';

/** Where there is no terminal to fit into. */
const USUAL_WIDTH = 80;
const MIN_WIDTH = 40;
const MAX_WIDTH = 160;
/** Lines of the chart of the series. */
const HEIGHT = 6;
/** Wider columns would only be longer to look at. */
const MAX_COLUMN = 4;
/** Endpoints that are shown; the rest is counted together. */
const MAX_ROWS = 10;

/** What was counted, for a person. */
export function usageText(title: string, usage: TotalUsageAnswer, io: Io): string {
  const width = Math.min(MAX_WIDTH, Math.max(MIN_WIDTH, (io.columns ?? USUAL_WIDTH) - 1));
  const { total_requests: total } = usage;
  const lines = [
    `${io.paint('bold', oneLine(title))}, ${usage.from.slice(0, 10)} to ${usage.to.slice(0, 10)} (${oneLine(usage.period)}, UTC)`,
    '',
    `Requests   ${grouped(total)}`,
    `Errors     ${(usage.error_rate * 100).toFixed(2)}%`,
    `Average    ${millis(usage.avg_response_time_ms)}`,
    ...seriesText(usage, width, io),
    ...countsText('By endpoint', usage.requests_by_endpoint, width, io),
    ...countsText('By method', usage.requests_by_method, width, io),
    ...countsText('Refused, by reason', usage.denials_by_code, width, io),
  ];
  return lines.join('\n');
}

function countsText(title: string, counts: Readonly<Record<string, number>>, width: number, io: Io): string[] {
  const rows = Object.entries(counts)
    .filter(([, count]) => count > 0)
    .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
    .map(([name, count]): [string, number] => [oneLine(name), count]);
  if (rows.length === 0) return [];
  const rest = rows.slice(MAX_ROWS);
  const others = rest.reduce((sum, [, count]) => sum + count, 0);
  const shown = rows.slice(0, MAX_ROWS);
  if (rest.length > 0) shown.push([`(${rest.length} more)`, others]);
  return ['', io.paint('bold', title), ...bars(shown, width).map((line) => `  ${line}`)];
}

/** The series as columns, with the most on its scale and the first and last time below. */
function seriesText({ series, interval }: TotalUsageAnswer, width: number, io: Io): string[] {
  if (series.every(({ requests }) => requests === 0)) return [];
  const scale = grouped(Math.max(...series.map(({ requests }) => requests))).length + 2;
  const groups = condensed(series, width - scale);
  const sums = groups.map((steps) => steps.reduce((sum, { requests }) => sum + requests, 0));
  const most = grouped(Math.max(...sums));
  const column = Math.max(1, Math.min(MAX_COLUMN, Math.floor((width - most.length - 2) / groups.length)));
  const chart = columns(sums, column, HEIGHT);
  const drawn = chart.map((line, index) => {
    const label = index === 0 ? most : index === HEIGHT - 1 ? '0' : '';
    return `${label.padStart(most.length)} ┤${io.paint('cyan', line)}`.trimEnd();
  });
  const perColumn = groups[0]?.length ?? 1;
  const step = perColumn === 1 ? `per ${interval}` : `per ${perColumn} ${interval}s`;
  return [
    '',
    io.paint('bold', `Requests ${step}`),
    ...drawn,
    axis(series, interval, most.length + 2, column * groups.length),
  ];
}

function axis(series: TotalUsageAnswer['series'], interval: 'hour' | 'day', indent: number, width: number): string {
  const text = ({ start }: { readonly start: string }): string =>
    interval === 'day' ? start.slice(0, 10) : `${start.slice(0, 10)} ${start.slice(11, 16)}`;
  const [first] = series;
  const last = series.at(-1);
  if (first === undefined || last === undefined) return '';
  const begin = text(first);
  const end = text(last);
  const gap = Math.max(1, width - begin.length - end.length);
  return `${' '.repeat(indent)}${begin}${series.length === 1 ? '' : ' '.repeat(gap) + end}`;
}

function millis(ms: number): string {
  return ms >= 10_000 ? `${(ms / 1000).toFixed(1)} s` : `${ms.toFixed(ms < 100 ? 1 : 0)} ms`;
}
