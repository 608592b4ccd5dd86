import { z } from 'zod';
import { type Endpoint, endpoint } from '../endpoint.ts';
import { role, roleCreate, roleList, roleUpdate } from '../schemas/catalogue.ts';
import { type ClientFor, versioned } from './shared.ts';

const TAG = 'Roles';

const roleParams = z.strictObject({
  name: z
    .string()
    .min(1)
    .max(200)
    .meta({ description: 'Name of a role.', examples: ['on_call'] }),
});

/** `/roles` and `/roles/{name}`. */
export function roleEndpoints(clientFor: ClientFor): Endpoint[] {
  return [
    createRole(clientFor),
    listRoles(clientFor),
    getRole(clientFor),
    updateRole(clientFor, 'PUT', 'updateRole'),
    updateRole(clientFor, 'PATCH', 'patchRole'),
    deleteRole(clientFor),
  ];
}

function createRole(clientFor: ClientFor): Endpoint {
  return endpoint({
    method: 'POST',
    path: '/roles',
    operationId: 'createRole',
    tag: TAG,
    summary: 'Make a role',
    description: 'Needs `admin:write`, as every change of a role does. There are 1000 roles at most.',
    body: roleCreate,
    isVersioned: true,
    answers: { 201: role },
    handle: async ({ caller, body }) => {
      const made = await clientFor(caller).createRole(body);
      return { status: 201, body: made, version: made.version, location: `/roles/${encodeURIComponent(made.name)}` };
    },
  });
}

function listRoles(clientFor: ClientFor): Endpoint {
  return endpoint({
    method: 'GET',
    path: '/roles',
    operationId: 'listRoles',
    tag: TAG,
    summary: 'List roles',
    description: 'All of them, by name.',
    answers: { 200: roleList },
    handle: async ({ caller }) => ({ status: 200, body: await clientFor(caller).listRoles() }),
  });
}

function getRole(clientFor: ClientFor): Endpoint {
  return endpoint({
    method: 'GET',
    path: '/roles/{name}',
    operationId: 'getRole',
    tag: TAG,
    summary: 'Show a role',
    params: roleParams,
    isVersioned: true,
    answers: { 200: role },
    handle: async ({ caller, params }) => versioned(await clientFor(caller).getRole(params.name)),
  });
}

function updateRole(clientFor: ClientFor, method: 'PUT' | 'PATCH', operationId: string): Endpoint {
  return endpoint({
    method,
    path: '/roles/{name}',
    operationId,
    tag: TAG,
    summary: 'Change a role',
    description:
      'Only the fields that are sent change, with PUT as with PATCH. Every key with this role may do from then on what the role says, within a second in every gateway.',
    params: roleParams,
    body: roleUpdate,
    isVersioned: true,
    answers: { 200: role },
    handle: async ({ caller, params, body, ifMatch }) =>
      versioned(await clientFor(caller).updateRole(params.name, body, { ifMatch })),
  });
}

function deleteRole(clientFor: ClientFor): Endpoint {
  return endpoint({
    method: 'DELETE',
    path: '/roles/{name}',
    operationId: 'deleteRole',
    tag: TAG,
    summary: 'Remove a role',
    description:
      'Keys that have it lose what it gave them, and go on naming it: a role that is made with the same name gives it back.',
    params: roleParams,
    isVersioned: true,
    answers: { 204: null },
    handle: async ({ caller, params, ifMatch }) => {
      await clientFor(caller).deleteRole(params.name, { ifMatch });
      return { status: 204 };
    },
  });
}
