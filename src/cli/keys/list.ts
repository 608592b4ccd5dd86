import type { KeyRecord, KeyStatus } from '../../core/key.ts';
import type { KeyView } from '../../keys/view.ts';
import { oneLine } from '../../observe/log-text.ts';
import type { Management } from '../../wiring.ts';
import type { Args } from '../args.ts';
import type { Command } from '../command.ts';
import { DONE, usageError } from '../failure.ts';
import type { Io } from '../io.ts';
import { keysConfig, withManagement } from '../management.ts';
import { STORE_FLAGS } from './common.ts';
import { paintStatus, timeText, viewsOf } from './show-key.ts';
import { parseCount } from './values.ts';

const DEFAULT_LIMIT = 1_000;
/** Keys that one answer holds in memory. */
const MAX_LIMIT = 100_000;
/** Keys that are asked of the store at a time. */
const PAGE = 500;

const STATUSES = ['active', 'disabled', 'revoked', 'expired'] as const;
type Status = (typeof STATUSES)[number];

export const keysList: Command = {
  words: ['keys', 'list'],
  summary: 'Lists keys, newest first.',
  arguments: [],
  flags: [
    {
      name: 'type',
      value: 'TYPE',
      summary: 'Only keys of this type.',
      suggestions: ['personal', 'organization', 'service'],
    },
    { name: 'owner', value: 'ID', summary: 'Only keys of this owner.' },
    { name: 'status', value: 'STATUS', summary: `Only ${STATUSES.join(', ')} keys.`, suggestions: STATUSES },
    { name: 'limit', value: 'N', summary: `At most so many keys; ${DEFAULT_LIMIT} by default.` },
    { name: 'after', value: 'TOKEN', summary: 'Go on where a list ended that said so ("next" in JSON).' },
    ...STORE_FLAGS,
  ],
  examples: [
    'latchkey keys list',
    'latchkey keys list --owner alice --status active',
    'latchkey keys list --json --limit 100',
  ],
  run,
};

interface Listing {
  readonly views: readonly KeyView[];
  readonly unreadable: readonly string[];
  readonly next: string | null;
}

async function run(args: Args, io: Io): Promise<number> {
  const limit = readLimit(args.one('limit'));
  const status = readStatus(args.one('status'));
  const listing = await withManagement(await keysConfig(args, io), (management) =>
    collect(management, args, status, limit),
  );
  for (const id of listing.unreadable) io.say(`latchkey: ${id} cannot be read; "keys show" says more`);
  if (args.has('json')) {
    io.out(JSON.stringify({ keys: listing.views, next: listing.next }));
    return DONE;
  }
  if (listing.views.length === 0) io.say('No keys.');
  else io.out(table(listing.views, io));
  if (listing.next !== null) io.say(`There may be more: --after ${listing.next}`);
  return DONE;
}

async function collect(
  management: Management,
  args: Args,
  status: Status | undefined,
  limit: number,
): Promise<Listing> {
  const query = { ...optional('type', args.one('type')), ...optional('owner', args.one('owner')), ...stored(status) };
  const views: KeyView[] = [];
  const unreadable: string[] = [];
  let after = args.one('after');
  for (;;) {
    // Never more than still fit: `next` stands at the end of a page, not in the middle.
    const size = Math.min(PAGE, limit - views.length);
    const page = await management.store.keys.list({ ...query, limit: size, ...optional('after', after) });
    const shown = await viewsOf(page.keys, management);
    views.push(...shown.filter((view) => status === undefined || view.status === status));
    unreadable.push(...page.unreadable);
    if (page.next === null || views.length >= limit) return { views, unreadable, next: page.next };
    after = page.next;
  }
}

function optional<K extends string>(name: K, value: string | undefined): { [P in K]?: string } {
  return value === undefined ? {} : ({ [name]: value } as { [P in K]: string });
}

/** What the store knows of a status: an expired key is an active one there. */
function stored(status: Status | undefined): { status?: KeyRecord['status'] } {
  if (status === undefined) return {};
  const known: KeyStatus = status === 'expired' ? 'active' : status;
  return { status: known };
}

function readLimit(text: string | undefined): number {
  const limit = text === undefined ? DEFAULT_LIMIT : parseCount('limit', text);
  if (limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw usageError(`--limit: ${limit} is out of range; expected 1 to ${MAX_LIMIT}`);
}

function readStatus(text: string | undefined): Status | undefined {
  if (text === undefined) return undefined;
  const status = STATUSES.find((known) => known === text);
  if (status === undefined) throw usageError(`--status: "${text}" is not known; expected ${STATUSES.join(', ')}`);
  return status;
}

const HEADER = ['ID', 'NAME', 'TYPE', 'OWNER', 'STATUS', 'HINT', 'TIER', 'EXPIRES', 'LAST USED'];
const STATUS_COLUMN = 4;
/** Names and owners may be long; "keys show" has them whole. */
const MAX_CELL = 32;
/** What a reader sees as one character. */
const GRAPHEMES = new Intl.Segmenter('en');

function table(views: readonly KeyView[], io: Io): string {
  const rows = views.map((view) =>
    [
      view.id,
      view.name,
      view.type,
      view.owner,
      view.status,
      view.hint,
      view.tier,
      timeText(view.expires_at),
      timeText(view.last_used),
    ].map(cell),
  );
  const widths = HEADER.map((name, column) => Math.max(name.length, ...rows.map((row) => length(row[column] ?? ''))));
  const line = (row: readonly string[], status?: KeyView['status']): string =>
    row
      .map((text, column) => {
        const padded = text + ' '.repeat((widths[column] ?? 0) - length(text));
        return column === STATUS_COLUMN && status !== undefined ? paintStatus(status, padded, io) : padded;
      })
      .join('  ')
      .trimEnd();
  return [io.paint('bold', line(HEADER)), ...rows.map((row, index) => line(row, views[index]?.status))].join('\n');
}

function cell(text: string): string {
  const shown = oneLine(text);
  if (length(shown) <= MAX_CELL) return shown;
  const kept = Array.from(GRAPHEMES.segment(shown), ({ segment }) => segment).slice(0, MAX_CELL - 1);
  return `${kept.join('')}…`;
}

function length(text: string): number {
  return Array.from(GRAPHEMES.segment(text)).length;
}
