import { type Endpoint, endpoint } from '../endpoint.ts';
import { bulkChange, bulkResult } from '../schemas/bulk.ts';
import type { ClientFor } from './shared.ts';

/** `/api-keys/bulk`: many keys at once. */
export function bulkEndpoints(clientFor: ClientFor): Endpoint[] {
  return [
    endpoint({
      method: 'POST',
      path: '/api-keys/bulk',
      operationId: 'changeKeys',
      tag: 'Keys',
      summary: 'Revoke or disable many keys',
      description:
        'All keys that meet the conditions, up to a bounded number of them: where `next` is not null, send it again with that `cursor`. Keys can be named by `ids` as well; one that is not there is listed as failed. Each key is changed and audited on its own; what failed is listed. It is answered when every gateway has confirmed that it acts on all of it, or a second after the last change; `propagation` names those that have not. With `dry_run` nothing is changed, and the answer says what would be. Needs `admin:write`.',
      body: bulkChange,
      answers: { 200: bulkResult },
      handle: async ({ caller, body }) => ({ status: 200, body: await clientFor(caller).bulkChange(body) }),
    }),
  ];
}
