import type { Config } from '../config/config.ts';
import { formatDuration, parseDuration } from '../core/duration.ts';
import { didYouMean } from '../core/nearest.ts';
import { isPermission } from '../core/permission.ts';
import { oneLine } from '../observe/log-text.ts';
import type { Args } from './args.ts';
import type { Command } from './command.ts';
import { CliError, DONE, usageError } from './failure.ts';
import type { Io } from './io.ts';
import { CONFIG_FLAG, NO_CONFIG_FLAG } from './options.ts';

/** A token cannot be taken back; a year is long enough for anything. */
const TTL = { min: 1_000, usual: 3_600_000, max: 365 * 86_400_000 } as const;
/** What management itself asks for. */
const ADMIN = ['admin:read', 'admin:write'];

export const token: Command = {
  words: ['token'],
  summary: 'Prints a token for the management API, signed with the secret that the gateway checks it with.',
  arguments: [],
  flags: [
    { name: 'subject', value: 'NAME', summary: 'Who the token is for: what the audit log calls them, and owns keys.' },
    {
      name: 'permission',
      value: 'R:A',
      repeatable: true,
      summary: 'admin:read, admin:write, or one that its holder may give to keys.',
      suggestions: ADMIN,
    },
    {
      name: 'ttl',
      value: 'DURATION',
      summary: `How long it is valid, up to ${formatDuration(TTL.max)}; 1h by default.`,
    },
    CONFIG_FLAG,
    NO_CONFIG_FLAG,
  ],
  notes: [
    'The secret is in the file that management.jwt.secret_file names; it is made when it is not there. Whoever can read that file can make any token. The token alone goes to standard output.',
    'Without --permission the token is for one who looks after keys of their own. A token cannot be taken back before it ends: rather ask for another than for a long one.',
  ],
  examples: [
    'latchkey token --subject alice --permission admin:write',
    'export LATCHKEY_TOKEN=$(latchkey token --subject ci --permission admin:read --ttl 15m)',
  ],
  run,
};

async function run(args: Args, io: Io): Promise<number> {
  const permissions = permissionsOf(args);
  const ttlMs = ttlOf(args);
  // As in the keys commands: help and completion must be quick.
  const [{ usualConfiguration }, { subjectFault }] = await Promise.all([
    import('./configuration.ts'),
    import('../management/auth/claims.ts'),
  ]);
  const subject = args.one('subject');
  if (subject === undefined) throw usageError('option --subject is missing: who the token is for');
  const fault = subjectFault(subject);
  if (fault !== null) throw usageError(`--subject: ${oneLine(fault)}`);
  const config = usualConfiguration(args, io);
  const path = secretFileOf(config);
  for (const permission of permissions) warnOfUnknown(permission, config, io);

  const [{ signingSecret }, { mintToken }] = await Promise.all([
    import('../management/auth/secret-file.ts'),
    import('../management/auth/mint.ts'),
  ]);
  const { secret, made, warnings } = signingSecret(path);
  if (made) io.say(`Made the signing secret ${path}; the gateway must read the same file.`);
  for (const warning of warnings) io.say(`latchkey: warning: ${warning}`);
  const { issuer, audience } = config.management.jwt;
  const now = io.clock.now();
  const minted = await mintToken({ secret, issuer, audience, subject, permissions, ttlSeconds: ttlMs / 1000, now });
  const expiresAt = new Date(minted.expiresAt).toISOString();
  io.out(args.has('json') ? JSON.stringify({ token: minted.token, expires_at: expiresAt }) : minted.token);
  return DONE;
}

function permissionsOf(args: Args): readonly string[] {
  const permissions = args.all('permission');
  const wrong = permissions.find((permission) => !isPermission(permission));
  if (wrong === undefined) return permissions;
  throw usageError(`--permission: "${wrong}" is not a permission; expected resource:action, resource:* or *`);
}

function ttlOf(args: Args): number {
  const text = args.one('ttl');
  if (text === undefined) return TTL.usual;
  const ms = parseDuration(text);
  const range = `from ${formatDuration(TTL.min)} to ${formatDuration(TTL.max)}`;
  if (ms === null) throw usageError(`--ttl: "${text}" is not a duration; expected one like 15m, 1h or 30d, ${range}`);
  if (ms < TTL.min || ms > TTL.max)
    throw usageError(`--ttl: "${text}" is too short or too long; expected one ${range}`);
  if (ms % 1000 !== 0) throw usageError(`--ttl: "${text}" is not a whole number of seconds`);
  return ms;
}

function secretFileOf({ management }: Config): string {
  const { source } = management.jwt;
  if (source.kind === 'secret_file') return source.path;
  const where =
    source.kind === 'jwks_url' ? 'published at management.jwt.jwks_url' : 'in management.jwt.public_key_file';
  throw new CliError(
    'TOKEN_SIGNED_ELSEWHERE',
    `tokens are checked with the public key ${where}; get one from whoever holds the private key`,
  );
}

/** A mistyped permission would only show as a refusal much later. */
function warnOfUnknown(permission: string, { access }: Config, io: Io): void {
  const known = [...ADMIN, ...Object.keys(access.permissions)];
  const resources = known.map((each) => `${each.slice(0, each.indexOf(':'))}:*`);
  if (permission === '*' || known.includes(permission) || resources.includes(permission)) return;
  const guess = didYouMean(permission, [...known, ...resources]);
  io.say(`latchkey: warning: nothing asks for the permission "${permission}"${guess}`);
}
