import type { Config } from '../../src/config/config.ts';
import { compilePermissions } from '../../src/core/permission.ts';
import { NO_PLACES, type Places } from '../../src/core/places.ts';
import type { Store } from '../../src/core/ports.ts';
import { Administration } from '../../src/management/administration.ts';
import type { Caller } from '../../src/management/caller.ts';
import type { ManagementClient } from '../../src/management/client.ts';
import { ManualClock } from './clock.ts';
import { load } from './config.ts';
import { sqliteStore, type Tap } from './keys.ts';

/** What keys can be given, for tests of their management. */
export const MANAGED = `
access:
  any_key: [GET /api/whoami]
  permissions:
    domains:read: [GET /api/domains/*]
    domains:write: [POST /api/domains, PUT /api/domains/:id]
    devices:read: [GET /api/devices/*]
    incidents:read: [GET /api/incidents/*]
    incidents:write: [POST /api/incidents]
    reports:read: [GET /api/reports/*]
presets:
  read_only: [domains:read, devices:read]
`;

export interface AdminFixture {
  readonly clock: ManualClock;
  readonly store: Store;
  readonly config: Config;
  readonly administration: Administration;
  /** A caller with these permissions in its token. */
  as(subject: string, ...permissions: readonly string[]): ManagementClient;
  /** One who may do everything. */
  readonly admin: ManagementClient;
}

export function callerOf(subject: string, permissions: readonly string[]): Caller {
  return {
    subject,
    permissions: compilePermissions([...permissions]),
    from: '192.0.2.1',
    requestId: 'req_test',
    expiresAt: null,
  };
}

/** The administration on a SQLite store of its own. @param more further sections of the configuration */
export async function administer(t: Tap, more = '', places: Places = NO_PLACES): Promise<AdminFixture> {
  const clock = new ManualClock();
  const store = await sqliteStore(t, clock);
  const { config } = load(`${MANAGED}${more}`);
  const administration = new Administration({
    store,
    clock,
    config,
    places: () => ({ places, gaps: [] }),
    claimSalt: Buffer.from('salt'),
  });
  const as = (subject: string, ...permissions: readonly string[]): ManagementClient =>
    administration.as(callerOf(subject, permissions));
  return { clock, store, config, administration, as, admin: as('root', 'admin:write') };
}
