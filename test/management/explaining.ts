/** Explains over a real socket, and holds each answer to the document. */
import type { LoggedRequest } from '../../src/core/request-log.ts';
import type { Tap } from '../support/keys.ts';
import { assertFits, documentOf } from './fits.ts';
import type { ProblemBody } from './fixture.ts';
import { type Served, serveManagement } from './gateway.ts';

export const DOMAINS = { method: 'GET', path: '/api/domains/1' };

interface Asked {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

export interface Explaining extends Served {
  /** Asks as `root`, or with another token; holds the answer to the document. */
  explain(body: unknown, token?: string): Promise<Asked>;
}

export async function explaining(t: Tap, more = ''): Promise<Explaining> {
  const served = await serveManagement(t, more);
  const root = await served.token();
  const document = documentOf();
  const explain = async (body: unknown, token = root): Promise<Asked> => {
    const answer = await fetch(`${served.url}/explain`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const said = (await answer.json()) as Record<string, unknown>;
    assertFits(document, 'POST', '/explain', answer.status, said);
    return { status: answer.status, body: said };
  };
  return { ...served, explain };
}

/** One request in the log of a key, as a gateway writes it. */
export async function logged(
  { clock, store }: Served,
  entry: Partial<LoggedRequest> & { readonly keyId: string },
): Promise<void> {
  const whole: LoggedRequest = {
    requestId: 'req_1',
    at: clock.now(),
    address: '192.0.2.9',
    userAgent: 'SDK/1.0',
    method: 'POST',
    path: '/api/domains',
    route: 'POST /api/domains',
    status: 403,
    code: 'permission_denied',
    wouldDeny: [],
    durationUs: 250_000,
    ...entry,
  };
  await store.requests.append([{ keyId: entry.keyId, entries: [whole], retentionMs: 86_400_000, maxEntries: 100 }]);
}

/** The pointers of what is wrong. */
export function pointers({ body }: Asked): (string | undefined)[] {
  return ((body as unknown as ProblemBody).errors ?? []).map(({ pointer }) => pointer);
}
