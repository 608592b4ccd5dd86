import { userInfo } from 'node:os';
import { KeyError } from '../../keys/key-error.ts';
import type { KeyCatalogue } from '../../keys/key-input.ts';
import { fieldFaults, typeFaults } from '../../keys/key-input.ts';
import type { KeyDefaults } from '../../management/transfer/key-row.ts';
import { MIN_LENGTH, MIN_WEAK_LENGTH } from '../../management/transfer/secret-input.ts';
import type { Args } from '../args.ts';
import type { Flag } from '../command.ts';
import type { Io } from '../io.ts';
import { expiryTime, parseExpiry } from '../keys/values.ts';

export const DRY_RUN_FLAG: Flag = { name: 'dry-run', summary: 'Say what would be done, and write nothing.' };

export const SKIP_INVALID_FLAG: Flag = {
  name: 'skip-invalid',
  summary: 'Leave out rows that are wrong; without it nothing is written when any is.',
};

/** What a list of keys does not say itself. */
export const DEFAULT_FLAGS: readonly Flag[] = [
  { name: 'permission', value: 'R:A', repeatable: true, summary: 'What they may do: domains:read, domains:* or *.' },
  { name: 'preset', value: 'NAME', summary: 'A set of permissions from the configuration.' },
  { name: 'role', value: 'NAME', repeatable: true, summary: 'A set of permissions that was made over the API.' },
  {
    name: 'type',
    value: 'TYPE',
    summary: 'What they are for: personal, organization, service. Brings tier and expiry.',
    suggestions: ['personal', 'organization', 'service'],
  },
  { name: 'owner', value: 'ID', summary: 'Whom they belong to; the user who runs this by default.' },
  { name: 'tier', value: 'NAME', summary: "Their limits, instead of their type's tier." },
  {
    name: 'expires',
    value: 'WHEN',
    summary: 'When they end: 90d, 2027-01-01 (00:00 UTC), 2027-01-01T17:00:00Z or never.',
  },
];

export const WEAK_FLAG: Flag = {
  name: 'allow-weak',
  summary: `Take secrets from ${MIN_WEAK_LENGTH} characters on, which can be guessed; otherwise ${MIN_LENGTH}.`,
};

export function minSecretLength(args: Args): number {
  return args.has('allow-weak') ? MIN_WEAK_LENGTH : MIN_LENGTH;
}

/** What rows get that do not say. @throws CliError `USAGE` */
export function readDefaults(args: Args, io: Io): KeyDefaults {
  const expires = args.one('expires');
  const owner = args.one('owner') ?? userName();
  const defaults = {
    permissions: args.has('permission') ? args.all('permission') : undefined,
    preset: args.one('preset'),
    roles: args.has('role') ? args.all('role') : undefined,
    type: args.one('type'),
    owner,
    tier: args.one('tier'),
    expiresAt: expires === undefined ? undefined : expiryTime(parseExpiry(expires), io.clock.now()),
  };
  return Object.fromEntries(Object.entries(defaults).filter(([, value]) => value !== undefined));
}

/** Refuses options that no key could have, before any row is read. @throws KeyError `KEY_INVALID` */
export function checkDefaults({ type, ...fields }: KeyDefaults, catalogue: KeyCatalogue, now: number): void {
  const faults = [
    ...(type === undefined ? [] : typeFaults(type, catalogue)),
    ...fieldFaults(fields, type ?? '', catalogue, now),
  ];
  if (faults.length === 0) return;
  throw new KeyError('KEY_INVALID', faults.map(({ field, message }) => `${field}: ${message}`).join('; '), faults);
}

/** In a container the user may have a number and no name. */
export function userName(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return undefined;
  }
}
