import { durationText } from '../../core/duration.ts';
import type { ExplanationAnswer } from '../../management/schemas/explain.ts';
import { oneLine } from '../../observe/log-text.ts';
import { grouped } from '../chart.ts';
import type { Io, Style } from '../io.ts';
import { length, pad } from '../table.ts';
import { commandFor } from './change-commands.ts';

/** What this needs of the world around the command. */
type Painter = Pick<Io, 'paint'>;
type Check = ExplanationAnswer['checks'][number];
type Change = ExplanationAnswer['changes'][number];

const MARKS: Readonly<Record<Check['verdict'], readonly [mark: string, style: Style]>> = {
  passed: ['✓', 'green'],
  denied: ['✗', 'red'],
  would_deny: ['!', 'yellow'],
  unknown: ['?', 'yellow'],
  skipped: ['-', 'dim'],
};
const LABEL_WIDTH = 12;
/** Longer command lines are not shown. */
const MAX_COMMAND = 2_000;

/**
 * An explanation for a person: the verdict, what was understood, every check, the limits, and what could be changed.
 *
 * @param target options of the command line that say where the key is
 */
export function explanationText(explanation: ExplanationAnswer, target: readonly string[], io: Painter): string {
  const sections = [
    verdictLines(explanation, io),
    factLines(explanation, io),
    checkLines(explanation.checks, io),
    changeLines(explanation, target, io),
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}

function verdictLines({ allowed, status, code, title, detail }: ExplanationAnswer, io: Painter): string[] {
  if (code !== null) return [io.paint('red', `Refused: ${status ?? ''} ${code}`), oneLine(`${title ?? ''}: ${detail}`)];
  if (allowed === null) return [io.paint('yellow', 'Depends on what is not known'), oneLine(detail)];
  return [io.paint('green', 'Let through')];
}

function factLines(explanation: ExplanationAnswer, io: Painter): string[] {
  const { key, recorded, permission, would_deny: wouldDeny } = explanation;
  const rows: [label: string, value: string][] = [
    ['Key', `${key.id} (${key.name})`],
    ['Request', requestText(explanation)],
    ['Recorded', recorded === null ? '' : recordedText(recorded)],
    ['Route', routeText(explanation)],
    ['Permission', permission ?? ''],
    ['Would deny', wouldDeny.join(', ')],
    ['Limits', limitsText(explanation.limits)],
  ];
  return rows
    .filter(([, value]) => value !== '')
    .map(([label, value]) => `${io.paint('dim', label.padEnd(LABEL_WIDTH))}${oneLine(value)}`);
}

function requestText({ request }: ExplanationAnswer): string {
  const { method, path, ip_address: address, user_agent: agent, at } = request;
  const by = agent === '' ? 'without a User-Agent' : `by ${JSON.stringify(agent)}`;
  return [
    `${method} ${path ?? '(no path)'}`,
    ...(address === null ? [] : [`from ${address}`]),
    ...(agent === null ? [] : [by]),
    `at ${moment(at)}`,
  ].join(' ');
}

function recordedText({
  request_id: id,
  timestamp,
  status_code: status,
  code,
}: NonNullable<ExplanationAnswer['recorded']>): string {
  const answer = status === 0 ? 'the client left before it was answered' : `answered ${status}`;
  return `${id} at ${moment(timestamp)}: ${answer}${code === null ? '' : ` ${code}`}`;
}

function routeText({ route }: ExplanationAnswer): string {
  if (route === null) return 'none is configured';
  if (route.access === 'public') return `${route.pattern}, which is public`;
  if (route.access === 'any_key') return `${route.pattern}, for any key`;
  return `${route.pattern}, which needs ${route.required_permissions.join(' or ')}`;
}

function limitsText(limits: ExplanationAnswer['limits']): string {
  if (limits === null) return '';
  const text = (name: 'burst' | 'hour' | 'day', what: string): string => {
    const { limit, remaining, full_in_ms: fullInMs } = limits[name];
    const full = remaining >= limit ? '' : `, all again in ${durationText(fullInMs)}`;
    return `${grouped(remaining)} of ${grouped(limit)} ${what}${full}`;
  };
  const figures = [text('burst', 'at once'), text('hour', 'an hour'), text('day', 'a day')].join('; ');
  return limits.exact ? figures : `at least ${figures}`;
}

function checkLines(checks: readonly Check[], io: Painter): string[] {
  const width = Math.max(0, ...checks.map((check) => length(nameOf(check))));
  return checks.map((check) => {
    const [mark, style] = MARKS[check.verdict];
    const reason = check.code === null ? '' : `${check.code}: `;
    const later = check.passes_at === null ? '' : `; passes at ${moment(check.passes_at, Math.ceil)}`;
    return `${io.paint(style, mark)} ${pad(nameOf(check), width)}  ${oneLine(`${reason}${check.detail}${later}`)}`;
  });
}

function nameOf({ check, restriction }: Check): string {
  return oneLine(restriction === null ? check : `${check}: ${restriction}`);
}

function changeLines(explanation: ExplanationAnswer, target: readonly string[], io: Painter): string[] {
  const { changes, together_suffice: together } = explanation;
  const lines = (title: string, list: readonly Change[]): string[] =>
    list.length === 0
      ? []
      : [io.paint('bold', title), ...list.flatMap((change) => oneChange(change, explanation, target, io))];
  const enough = changes.filter(({ suffices }) => suffices);
  const others = changes.filter(({ suffices }) => !suffices);
  const several =
    together === true
      ? 'What would let it through, one for each check together:'
      : 'What would help, but is not known to be enough:';
  return [
    ...lines('What would let it through:', enough),
    ...lines(enough.length === 0 ? several : 'Not enough by themselves:', others),
  ];
}

function oneChange(change: Change, explanation: ExplanationAnswer, target: readonly string[], io: Painter): string[] {
  const command = commandFor(change, explanation, target);
  const text = `  ${io.paint('cyan', '•')} ${oneLine(change.change)} (${oneLine(change.for)})`;
  if (command === null) return [text];
  const shown = command.length <= MAX_COMMAND ? command : 'the new list is too long to show here; --json has all of it';
  return [text, `      ${io.paint('dim', shown)}`];
}

/** `2027-01-01 17:00:00Z`. */
function moment(iso: string, round: (seconds: number) => number = Math.floor): string {
  const text = new Date(round(Date.parse(iso) / 1000) * 1000).toISOString();
  return `${text.slice(0, 10)} ${text.slice(11, 19)}Z`;
}
