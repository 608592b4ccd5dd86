/** Fields of a key, as the API names them, by the option that gives them. */
const FLAGS: Readonly<Record<string, string>> = {
  permissions: '--permission',
  expires_at: '--expires',
  ip_restrictions: '--ip',
  time_restrictions: '--hours',
  'time_restrictions.timezone': '--timezone',
  'time_restrictions.allowed_hours': '--hours',
  'time_restrictions.allowed_days': '--days',
  'limits.perHour': '--per-hour',
  'limits.perDay': '--per-day',
  'limits.burst': '--burst',
};

/** The option that gives a field: `--expires` for `expires_at`. */
export function flagOfField(field: string): string {
  if (field.startsWith('metadata')) return '--metadata';
  return Object.hasOwn(FLAGS, field) ? (FLAGS[field] ?? '') : `--${field}`;
}
