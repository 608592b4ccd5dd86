import { z } from 'zod';
import { type Endpoint, endpoint } from '../endpoint.ts';
import { keyUsage, ownerUsage, totalUsage, usageQuery } from '../schemas/usage.ts';
import { type ClientFor, keyParams } from './shared.ts';

const TAG = 'Usage';
const COUNTED =
  'Requests that came with the key, let in or refused, by the UTC calendar. They are counted a moment after they were answered.';

const ownerParams = z.strictObject({
  owner: z
    .string()
    .min(1)
    .max(200)
    .meta({ description: 'Whom keys belong to.', examples: ['devops-team'] }),
});

/** `…/usage`: of a key, of the keys of an owner, of all keys. */
export function usageEndpoints(clientFor: ClientFor): Endpoint[] {
  return [
    endpoint({
      method: 'GET',
      path: '/api-keys/{id}/usage',
      operationId: 'getKeyUsage',
      tag: TAG,
      summary: 'Usage of a key',
      description: COUNTED,
      params: keyParams,
      query: usageQuery,
      answers: { 200: keyUsage },
      handle: async ({ caller, params, query }) => ({
        status: 200,
        body: await clientFor(caller).keyUsage(params.id, query),
      }),
    }),
    endpoint({
      method: 'GET',
      path: '/owners/{owner}/usage',
      operationId: 'getOwnerUsage',
      tag: TAG,
      summary: 'Usage of the keys of an owner',
      description: `${COUNTED} Needs \`admin:read\`, unless the owner is the subject of the token.`,
      params: ownerParams,
      query: usageQuery,
      answers: { 200: ownerUsage },
      handle: async ({ caller, params, query }) => ({
        status: 200,
        body: await clientFor(caller).ownerUsage(params.owner, query),
      }),
    }),
    endpoint({
      method: 'GET',
      path: '/usage',
      operationId: 'getTotalUsage',
      tag: TAG,
      summary: 'Usage of all keys',
      description: `${COUNTED} Needs \`admin:read\`.`,
      query: usageQuery,
      answers: { 200: totalUsage },
      handle: async ({ caller, query }) => ({ status: 200, body: await clientFor(caller).totalUsage(query) }),
    }),
  ];
}
