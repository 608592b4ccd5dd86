/** A management API as a gateway serves it, on a store of the test's own, and clients for it. */
import { managementEndpoints } from '../../src/management/endpoints/index.ts';
import { RemoteClient } from '../../src/management/remote-client.ts';
import type { ConnectionWatcher } from '../../src/management/remote-follow.ts';
import { createManagementServer, type ManagementServer } from '../../src/management/server.ts';
import type { Tap } from '../support/keys.ts';
import { type AdminFixture, administer } from '../support/management.ts';
import { secretAuthenticator } from './fixture.ts';

export interface Served extends AdminFixture {
  readonly server: ManagementServer;
  readonly url: string;
  /** A token for `root`, who may do everything, or for others. */
  token(permissions?: readonly string[], subject?: string): Promise<string>;
  /**
   * What failed inside. A test that expects failures takes them from here; what is left when it ends fails it.
   */
  readonly failures: unknown[];
  /** Asks over HTTP; as `root` unless a token says otherwise. */
  remote(token?: string): Promise<RemoteClient>;
}

/** @param more further sections of the configuration */
export async function serveManagement(t: Tap, more = ''): Promise<Served> {
  const fixture = await administer(t, more);
  const { authenticator, token: mint } = await secretAuthenticator(t, fixture.clock);
  const failures: unknown[] = [];
  t.teardown(() => {
    if (failures.length > 0) throw new AggregateError(failures, 'calls failed inside, and no test expected it');
  });
  const server = createManagementServer({
    listen: { host: '127.0.0.1', port: 0 },
    endpoints: managementEndpoints((caller) => fixture.administration.as(caller)),
    authenticate: authenticator,
    maxBodyBytes: 1024 * 1024,
    clock: fixture.clock,
    onFailure: (error) => void failures.push(error),
  });
  const { port } = await server.listen();
  t.teardown(() => server.close());
  const url = `http://127.0.0.1:${port}`;
  const token = (permissions: readonly string[] = ['admin:write'], subject = 'root') => mint(permissions, subject);
  const remote = async (given?: string) => client(t, url, given ?? (await token()));
  return { ...fixture, server, url, failures, token, remote };
}

/** A client of whatever is at a URL, with short waits. */
export function client(t: Tap, url: string, token = 'token', watcher: ConnectionWatcher = {}): RemoteClient {
  const made = new RemoteClient({ url: new URL(url), token, userAgent: 'test', retryDelaysMs: [1, 1, 1], ...watcher });
  t.teardown(() => made.close());
  return made;
}
