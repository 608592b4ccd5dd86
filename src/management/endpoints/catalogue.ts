import { type Endpoint, endpoint } from '../endpoint.ts';
import { permissionList, presetList, tierList } from '../schemas/catalogue.ts';
import type { ClientFor } from './shared.ts';

const TAG = 'Catalogue';

/** `/permissions`, `/presets`, `/tiers`: what keys can be given. */
export function catalogueEndpoints(clientFor: ClientFor): Endpoint[] {
  return [
    endpoint({
      method: 'GET',
      path: '/permissions',
      operationId: 'listPermissions',
      tag: TAG,
      summary: 'List permissions',
      description: 'Every permission that a route asks for, and the routes that it opens.',
      answers: { 200: permissionList },
      handle: async ({ caller }) => ({ status: 200, body: await clientFor(caller).permissions() }),
    }),
    endpoint({
      method: 'GET',
      path: '/presets',
      operationId: 'listPresets',
      tag: TAG,
      summary: 'List presets',
      description: 'The named sets of permissions that the configuration has.',
      answers: { 200: presetList },
      handle: async ({ caller }) => ({ status: 200, body: await clientFor(caller).presets() }),
    }),
    endpoint({
      method: 'GET',
      path: '/tiers',
      operationId: 'listTiers',
      tag: TAG,
      summary: 'List tiers and key types',
      description: 'The named sets of limits, and the types of keys with the tier and the expiry that they bring.',
      answers: { 200: tierList },
      handle: async ({ caller }) => ({ status: 200, body: await clientFor(caller).tiers() }),
    }),
  ];
}
