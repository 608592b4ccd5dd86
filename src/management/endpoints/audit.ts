import { type Endpoint, endpoint } from '../endpoint.ts';
import { auditList, auditQuery } from '../schemas/audit.ts';
import type { ClientFor } from './shared.ts';

/** `/audit-logs`: who managed what. */
export function auditEndpoints(clientFor: ClientFor): Endpoint[] {
  return [
    endpoint({
      method: 'GET',
      path: '/audit-logs',
      operationId: 'listAuditLogs',
      tag: 'Audit',
      summary: 'List management actions',
      description:
        'Who changed what, when and from where, newest first. Each entry has the hash of the one before: one that was changed or is missing shows. Needs `admin:read`.',
      query: auditQuery,
      answers: { 200: auditList },
      handle: async ({ caller, query }) => ({ status: 200, body: await clientFor(caller).auditLogs(query) }),
    }),
  ];
}
