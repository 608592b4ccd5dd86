import { SIMPLE_RESTRICTIONS } from '../../restrictions/index.ts';

/** Fields of what is sent, and parameters of what is asked, by the option that gives them. */
const FLAGS: Readonly<Record<string, string>> = {
  permissions: '--permission',
  roles: '--role',
  expires_at: '--expires',
  ...Object.fromEntries(SIMPLE_RESTRICTIONS.map(({ field, option }) => [field, `--${option.name}`])),
  time_restrictions: '--hours',
  'time_restrictions.timezone': '--timezone',
  'time_restrictions.allowed_hours': '--hours',
  'time_restrictions.allowed_days': '--days',
  limits: '--per-hour',
  'limits.perHour': '--per-hour',
  'limits.perDay': '--per-day',
  'limits.per_hour': '--per-hour',
  'limits.per_day': '--per-day',
  'limits.burst': '--burst',
  grace_period: '--grace',
  key_id: '--key',
  request_id: '--request',
  ip_address: '--ip',
  ids: '--id',
  q: '--search',
  cursor: '--after',
  'if-match': '--if-version',
};

/**
 * The option that gives a field: `--expires` for `expires_at`, `--permission` for `permissions[2]` and for the pointer
 * `/permissions/2`; '' for the whole of what was sent.
 */
export function flagOfField(field: string): string {
  const names = segments(field).filter((name) => !/^\d+$/.test(name));
  // The conditions of a change of many keys.
  if (names[0] === 'filter' && names.length > 1) names.shift();
  const [first] = names;
  if (first === undefined) return '';
  const path = names.join('.').toLowerCase();
  for (const known of [names.join('.'), path, first]) {
    if (Object.hasOwn(FLAGS, known)) return FLAGS[known] ?? '';
  }
  return `--${first.replaceAll('_', '-')}`;
}

/** A JSON pointer as the name of a field: `permissions[2]`, `limits.per_hour`. */
export function fieldOfPointer(pointer: string): string {
  return segments(pointer)
    .map((name, index) => (/^\d+$/.test(name) ? `[${name}]` : `${index === 0 ? '' : '.'}${name}`))
    .join('');
}

function segments(field: string): string[] {
  if (!field.startsWith('/')) return field.split(/[.[\]]+/).filter((name) => name !== '');
  return field
    .slice(1)
    .split('/')
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
}
