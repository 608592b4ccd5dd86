import { type Endpoint, endpoint } from '../endpoint.ts';
import {
  keyAnswer,
  keyChanged,
  keyCreate,
  keyDeleted,
  keyIssued,
  keyList,
  keyListQuery,
  keyUpdate,
} from '../schemas/key.ts';
import { type ClientFor, keyParams, RECEIPT, versioned } from './shared.ts';

const TAG = 'Keys';

/** `/api-keys` and `/api-keys/{id}`. */
export function keyEndpoints(clientFor: ClientFor): Endpoint[] {
  return [
    createKey(clientFor),
    listKeys(clientFor),
    getKey(clientFor),
    updateKey(clientFor, 'PUT', 'updateKey'),
    updateKey(clientFor, 'PATCH', 'patchKey'),
    deleteKey(clientFor),
  ];
}

function createKey(clientFor: ClientFor): Endpoint {
  return endpoint({
    method: 'POST',
    path: '/api-keys',
    operationId: 'createKey',
    tag: TAG,
    summary: 'Make a key',
    description:
      'What is not sent comes from the type of the key: its tier and its expiry. The answer has the secret, which is shown this once and stored only as a hash.\n\nSend an `Idempotency-Key` to be able to try again after a connection broke: the same request gets the same answer, the secret included, and no second key is made.',
    body: keyCreate,
    isIdempotent: true,
    isVersioned: true,
    answers: { 201: keyIssued },
    handle: async ({ caller, body, idempotencyKey }) => {
      const key = await clientFor(caller).createKey(body, { idempotencyKey });
      return { status: 201, body: key, version: key.version, location: `/api-keys/${encodeURIComponent(key.id)}` };
    },
  });
}

function listKeys(clientFor: ClientFor): Endpoint {
  return endpoint({
    method: 'GET',
    path: '/api-keys',
    operationId: 'listKeys',
    tag: TAG,
    summary: 'List keys',
    description:
      'Conditions add up. To read on, send `cursor` with the `next` of the page before, and the same conditions and order; or skip keys with `offset`. A page may hold fewer keys than asked for and still have a `next`.',
    query: keyListQuery,
    answers: { 200: keyList },
    handle: async ({ caller, query }) => ({ status: 200, body: await clientFor(caller).listKeys(query) }),
  });
}

function getKey(clientFor: ClientFor): Endpoint {
  return endpoint({
    method: 'GET',
    path: '/api-keys/{id}',
    operationId: 'getKey',
    tag: TAG,
    summary: 'Show a key',
    params: keyParams,
    isVersioned: true,
    answers: { 200: keyAnswer },
    handle: async ({ caller, params }) => versioned(await clientFor(caller).getKey(params.id)),
  });
}

function updateKey(clientFor: ClientFor, method: 'PUT' | 'PATCH', operationId: string): Endpoint {
  return endpoint({
    method,
    path: '/api-keys/{id}',
    operationId,
    tag: TAG,
    summary: 'Change a key',
    description: `Only the fields that are sent change, with PUT as with PATCH; \`null\` takes away what can be absent. A field that is sent is replaced as a whole: a list of permissions is the new list. ${RECEIPT}`,
    params: keyParams,
    body: keyUpdate,
    isVersioned: true,
    answers: { 200: keyChanged },
    handle: async ({ caller, params, body, ifMatch }) =>
      versioned(await clientFor(caller).updateKey(params.id, body, { ifMatch })),
  });
}

function deleteKey(clientFor: ClientFor): Endpoint {
  return endpoint({
    method: 'DELETE',
    path: '/api-keys/{id}',
    operationId: 'deleteKey',
    tag: TAG,
    summary: 'Remove a key',
    description: `The key ends at once and its record is gone. To end it and keep what was known of it, revoke it instead. The audit log keeps both. ${RECEIPT}`,
    params: keyParams,
    isVersioned: true,
    answers: { 200: keyDeleted },
    handle: async ({ caller, params, ifMatch }) => ({
      status: 200,
      body: await clientFor(caller).deleteKey(params.id, { ifMatch }),
    }),
  });
}
