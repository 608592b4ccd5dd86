import type { KeyAnswer } from '../../management/schemas/key.ts';
import { oneLine } from '../../observe/log-text.ts';
import { RESTRICTIONS } from '../../restrictions/index.ts';
import type { RestrictionKind } from '../../restrictions/restriction.ts';
import type { Io } from '../io.ts';

/** All about one key, for a person: one field to a line. */
export function keyText(key: KeyAnswer, io: Io): string {
  const rows: [label: string, value: string][] = [
    ['Id', key.id],
    ['Name', key.name],
    ['Type', key.type],
    ['Owner', key.owner],
    ['Status', paintStatus(key.status, key.status, io)],
    ['Hint', key.hint],
    ['Description', key.description],
    ['Preset', key.preset ?? ''],
    ['Roles', key.roles.join(', ')],
    ['Permissions', listed(key.permissions, 'none')],
    ['Tier', key.tier],
    ['Limits', `${key.limits.per_hour} an hour, ${key.limits.per_day} a day, ${key.limits.burst} at once`],
    ...RESTRICTIONS.map((kind): [string, string] => [kind.label, restrictionText(kind, key)]),
    ['In shadow', key.shadow.join(', ')],
    ...Object.entries(key.metadata).map(([name, value]): [string, string] => ['Metadata', `${name}=${value}`]),
    ['Created', timeText(key.created_at)],
    ['Updated', timeText(key.updated_at)],
    ['Expires', timeText(key.expires_at)],
    ['Last used', timeText(key.last_used)],
    ['Used', `${counted(key.usage.requests_today)} today, ${key.usage.requests_this_month} this month (UTC)`],
    ['Rotated', timeText(key.rotated_at)],
    ['Rotation due', key.rotation_due_at === null ? '' : timeText(key.rotation_due_at)],
    ['Revoked', key.revoked_at === null ? '' : timeText(key.revoked_at)],
    ['Old secret', oldSecretText(key)],
    ['Recoverable', key.recoverable ? 'yes; "keys secret" shows the secret again' : ''],
    ['Version', String(key.version)],
  ];
  const label = (text: string): string => io.paint('dim', text.padEnd(14));
  return rows
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${label(name)}${name === 'Status' ? value : oneLine(value)}`)
    .join('\n');
}

function listed(texts: readonly string[], none: string): string {
  return texts.length === 0 ? none : texts.join(', ');
}

function counted(requests: number): string {
  return `${requests} ${requests === 1 ? 'request' : 'requests'}`;
}

function restrictionText(kind: RestrictionKind, key: KeyAnswer): string {
  const value: unknown = Reflect.get(key, kind.field);
  const parsed = kind.stored.safeParse(value);
  return parsed.success ? kind.text(parsed.data) : `cannot be read: ${JSON.stringify(value)}`;
}

function oldSecretText({ previous_secret: old }: KeyAnswer): string {
  if (old === null) return '';
  // Uses before the rotation are not told apart: "never" would say too much.
  const used = old.last_used === null ? 'not used since the rotation' : `last used ${timeText(old.last_used)}`;
  return `${old.hint} works until ${timeText(old.expires_at)}; ${used}`;
}

/** `2027-01-01 00:00Z`; `never` for null. */
export function timeText(iso: string | null): string {
  return iso === null ? 'never' : `${iso.slice(0, 10)} ${iso.slice(11, 16)}Z`;
}

/** @param text the status, or the status padded for a column */
export function paintStatus(status: KeyAnswer['status'], text: string, io: Io): string {
  if (status === 'active') return io.paint('green', text);
  return io.paint(status === 'revoked' ? 'red' : 'yellow', text);
}
