import type { KeyRecord } from '../../core/key.ts';
import type { KeyUse } from '../../core/ports.ts';
import { type KeyView, viewOf } from '../../keys/view.ts';
import { oneLine } from '../../observe/log-text.ts';
import type { Management } from '../../wiring.ts';
import type { Io } from '../io.ts';

/** Keys as they are shown, with when they were last used. */
export async function viewsOf(records: readonly KeyRecord[], management: Management): Promise<KeyView[]> {
  const { store, catalogue, clock } = management;
  const uses = records.length === 0 ? [] : await store.usage.read(records.map((record) => record.id));
  const byId = new Map<string, KeyUse>(uses.map((use) => [use.keyId, use]));
  return records.map((record) => viewOf(record, byId.get(record.id) ?? null, catalogue, clock.now()));
}

export async function keyView(record: KeyRecord, management: Management): Promise<KeyView> {
  const [view] = await viewsOf([record], management);
  // One record gives one view.
  return view as KeyView;
}

/** All about one key, for a person: one field to a line. */
export function keyText(view: KeyView, io: Io): string {
  const rows: [label: string, value: string][] = [
    ['Id', view.id],
    ['Name', view.name],
    ['Type', view.type],
    ['Owner', view.owner],
    ['Status', paintStatus(view.status, view.status, io)],
    ['Hint', view.hint],
    ['Description', view.description],
    ['Preset', view.preset ?? ''],
    ['Permissions', view.permissions.length === 0 ? 'none' : view.permissions.join(', ')],
    ['Tier', view.tier],
    ['Limits', `${view.limits.per_hour} an hour, ${view.limits.per_day} a day, ${view.limits.burst} at once`],
    ['Addresses', view.ip_restrictions.length === 0 ? 'any' : view.ip_restrictions.join(', ')],
    ['Times', timesText(view)],
    ...Object.entries(view.metadata).map(([name, value]): [string, string] => ['Metadata', `${name}=${value}`]),
    ['Created', timeText(view.created_at)],
    ['Updated', timeText(view.updated_at)],
    ['Expires', timeText(view.expires_at)],
    ['Last used', timeText(view.last_used)],
    ['Rotated', timeText(view.rotated_at)],
    ['Rotation due', view.rotation_due_at === null ? '' : timeText(view.rotation_due_at)],
    ['Revoked', view.revoked_at === null ? '' : timeText(view.revoked_at)],
    ['Old secret', oldSecretText(view)],
  ];
  const label = (text: string): string => io.paint('dim', text.padEnd(14));
  return rows
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${label(name)}${name === 'Status' ? value : oneLine(value)}`)
    .join('\n');
}

function timesText({ time_restrictions: rule }: KeyView): string {
  if (rule === null) return 'any';
  const hours = rule.allowed_hours.length === 0 ? 'all day' : rule.allowed_hours.join(', ');
  const days = rule.allowed_days.length === 0 ? 'every day' : rule.allowed_days.join(', ');
  return `${hours} on ${days}, ${rule.timezone}`.replace('on every day', 'every day');
}

function oldSecretText({ previous_secret: old }: KeyView): string {
  if (old === null) return '';
  return `${old.hint} works until ${timeText(old.expires_at)}; last used ${timeText(old.last_used)}`;
}

/** `2027-01-01 00:00Z`; `never` for null. */
export function timeText(iso: string | null): string {
  return iso === null ? 'never' : `${iso.slice(0, 10)} ${iso.slice(11, 16)}Z`;
}

/** @param text the status, or the status padded for a column */
export function paintStatus(status: KeyView['status'], text: string, io: Io): string {
  if (status === 'active') return io.paint('green', text);
  return io.paint(status === 'revoked' ? 'red' : 'yellow', text);
}
