import { type Endpoint, endpoint } from '../endpoint.ts';
import { explainRequest, explanation } from '../schemas/explain.ts';
import type { ClientFor } from './shared.ts';

/** `/explain`: why a request passes or not. */
export function explainEndpoints(clientFor: ClientFor): Endpoint[] {
  return [
    endpoint({
      method: 'POST',
      path: '/explain',
      operationId: 'explainRequest',
      tag: 'Explain',
      summary: 'Explain what becomes of a request',
      description:
        'Whether a request with a key passes, and why: every check with what it found, the route and the permission, how the limits stand, and which changes would let it through. The key is taken as it is now. Nothing is spent, nothing is changed, and it does not count as an attempt.\n\nWith `request_id`, a request that is in the log of its key; what is sent besides is taken in its place. Without `admin:read` a caller explains requests with its own keys.',
      body: explainRequest,
      onlyAsks: true,
      answers: { 200: explanation },
      alsoFails: ['not_found', 'conflict', 'too_many_explanations'],
      handle: async ({ caller, body }) => ({ status: 200, body: await clientFor(caller).explain(body) }),
    }),
  ];
}
