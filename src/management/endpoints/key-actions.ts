import type { ManagementClient, Versioned } from '../client.ts';
import { type Endpoint, endpoint } from '../endpoint.ts';
import { type KeySwitched, keyRotate, keyRotated, keySecret, keySwitched } from '../schemas/key.ts';
import { type ClientFor, keyParams, RECEIPT, versioned } from './shared.ts';

const TAG = 'Keys';

/** `/api-keys/{id}/rotate` and its like. */
export function keyActionEndpoints(clientFor: ClientFor): Endpoint[] {
  return [
    rotateKey(clientFor),
    switchKey(clientFor, {
      action: 'revoke',
      summary: 'End a key for good',
      description: `It never works again, and cannot be changed any more. To revoke it again changes nothing. ${RECEIPT}`,
      change: (client, id, options) => client.revokeKey(id, options),
    }),
    switchKey(clientFor, {
      action: 'enable',
      summary: 'Allow the use of a key again',
      description: `What somebody else disabled needs \`admin:write\`. ${RECEIPT}`,
      change: (client, id, options) => client.enableKey(id, options),
    }),
    switchKey(clientFor, {
      action: 'disable',
      summary: 'Forbid the use of a key for the time being',
      description: `It is refused with \`key_disabled\` until it is enabled again. ${RECEIPT}`,
      change: (client, id, options) => client.disableKey(id, options),
    }),
    showSecret(clientFor),
  ];
}

function rotateKey(clientFor: ClientFor): Endpoint {
  return endpoint({
    method: 'POST',
    path: '/api-keys/{id}/rotate',
    operationId: 'rotateKey',
    tag: TAG,
    summary: 'Give a key a new secret',
    description: `The key keeps its id and all else. The old secret works until \`old_secret_expires_at\`; \`previous_secret.last_used\` of the key says whether somebody still uses it. Without a body, the grace is as configured. A rotation ends the grace of the one before. ${RECEIPT}`,
    params: keyParams,
    body: keyRotate,
    bodyMayBeEmpty: true,
    isVersioned: true,
    answers: { 200: keyRotated },
    handle: async ({ caller, params, body, ifMatch }) =>
      versioned(await clientFor(caller).rotateKey(params.id, body, { ifMatch })),
  });
}

interface Switch {
  readonly action: 'revoke' | 'enable' | 'disable';
  readonly summary: string;
  readonly description: string;
  readonly change: (client: ManagementClient, id: string, options: Versioned) => Promise<KeySwitched>;
}

function switchKey(clientFor: ClientFor, { action, summary, description, change }: Switch): Endpoint {
  return endpoint({
    method: 'POST',
    path: `/api-keys/{id}/${action}`,
    operationId: `${action}Key`,
    tag: TAG,
    summary,
    description,
    params: keyParams,
    isVersioned: true,
    answers: { 200: keySwitched },
    handle: async ({ caller, params, ifMatch }) => versioned(await change(clientFor(caller), params.id, { ifMatch })),
  });
}

function showSecret(clientFor: ClientFor): Endpoint {
  return endpoint({
    method: 'GET',
    path: '/api-keys/{id}/secret',
    operationId: 'getKeySecret',
    tag: TAG,
    summary: 'Show the secret of a key again',
    description:
      'Only where the configuration says that secrets are recoverable (`keys.recoverable`), and for keys that were made or rotated since; `recoverable` of the key says so. Each look is in the audit log. Needs `admin:write`.',
    params: keyParams,
    answers: { 200: keySecret },
    alsoFails: ['conflict', 'store_read_only'],
    handle: async ({ caller, params }) => ({ status: 200, body: await clientFor(caller).keySecret(params.id) }),
  });
}
