import type { KeyRecord, TimeRestriction } from '../../core/key.ts';
import { RESTRICTION_VALUES, SIMPLE_RESTRICTIONS, valueOf } from '../../restrictions/index.ts';
import { type ExportOptions, written } from './backup-writer.ts';
import { keyStream, statusOf } from './key-stream.ts';

/** A cell that begins so is a formula to a spreadsheet, which would run it. */
const FORMULA = /^[=+\-@\t\r\n]/;
/** Without it some spreadsheets take UTF-8 for another encoding. */
const BYTE_ORDER_MARK = '\ufeff';
const NEEDS_QUOTES = /[",\r\n]|^\s|\s$/;

type Column = readonly [name: string, of: (record: KeyRecord, now: number) => string];

const list = (texts: readonly string[]): string => texts.join(' ');
const number = (value: number | undefined): string => (value === undefined ? '' : String(value));
/** A list whose entries hold what stands between entries is written as JSON: they could not be told apart. */
const value = (of: unknown): string => {
  const isPlain = Array.isArray(of) && of.every((each) => typeof each === 'string' && !/[\s,;]/.test(each));
  return isPlain ? of.join(' ') : JSON.stringify(of);
};
const timesOf = ({ restrictions }: KeyRecord): TimeRestriction | null => {
  const parsed = RESTRICTION_VALUES.time_restrictions.safeParse(restrictions['time_restrictions'] ?? null);
  return parsed.success ? parsed.data : null;
};
const time = (at: number | null): string => (at === null ? '' : new Date(at).toISOString());

/** What people look at; neither secrets nor their hashes. */
const COLUMNS: readonly Column[] = [
  ['id', (key) => key.id],
  ['name', (key) => key.name],
  ['type', (key) => key.type],
  ['owner', (key) => key.owner],
  ['status', statusOf],
  ['hint', (key) => key.secret.hint],
  ['permissions', (key) => list(key.permissions)],
  ['preset', (key) => key.preset ?? ''],
  ['roles', (key) => list(key.roles)],
  ['tier', (key) => key.tier],
  ['limit_per_hour', (key) => number(key.limits.perHour)],
  ['limit_per_day', (key) => number(key.limits.perDay)],
  ['limit_burst', (key) => number(key.limits.burst)],
  ...SIMPLE_RESTRICTIONS.map((kind): Column => [kind.field, (key) => value(valueOf(kind, key.restrictions))]),
  ['allowed_hours', (key) => list(timesOf(key)?.allowed_hours ?? [])],
  ['allowed_days', (key) => list(timesOf(key)?.allowed_days ?? [])],
  ['timezone', (key) => timesOf(key)?.timezone ?? ''],
  ['shadow', (key) => list(key.shadow)],
  ['imported', (key) => String(key.imported)],
  ['created_at', (key) => time(key.createdAt)],
  ['updated_at', (key) => time(key.updatedAt)],
  ['rotated_at', (key) => time(key.rotatedAt)],
  ['expires_at', (key) => time(key.expiresAt)],
  ['revoked_at', (key) => time(key.revokedAt)],
  ['disabled_by', (key) => key.disabledBy ?? ''],
  ['description', (key) => key.description],
  ['metadata', (key) => (Object.keys(key.metadata).length === 0 ? '' : JSON.stringify(key.metadata))],
];

/** Keys as comma-separated values (RFC 4180) for a spreadsheet, each line with its end. */
export async function* spreadsheetLines({ store, clock, filters, watcher }: ExportOptions): AsyncGenerator<string> {
  const now = clock.now();
  yield BYTE_ORDER_MARK + row(COLUMNS.map(([name]) => name));
  for await (const record of keyStream(store.keys, filters, now, (id) => watcher.onUnreadable(id))) {
    const text = written(() => row(COLUMNS.map(([, of]) => of(record, now))));
    if (text === null) watcher.onUnreadable(record.id);
    else {
      watcher.onKey();
      yield text;
    }
  }
}

function row(cells: readonly string[]): string {
  return `${cells.map(cell).join(',')}\r\n`;
}

function cell(text: string): string {
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return NEEDS_QUOTES.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
