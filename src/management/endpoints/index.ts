import type { Endpoint } from '../endpoint.ts';
import { auditEndpoints } from './audit.ts';
import { bulkEndpoints } from './bulk.ts';
import { catalogueEndpoints } from './catalogue.ts';
import { explainEndpoints } from './explain.ts';
import { keyActionEndpoints } from './key-actions.ts';
import { keyEndpoints } from './keys.ts';
import { logEndpoints } from './logs.ts';
import { roleEndpoints } from './roles.ts';
import type { ClientFor } from './shared.ts';
import { usageEndpoints } from './usage.ts';

export type { ClientFor } from './shared.ts';

/** Everything that the management API answers, in the order in which it is documented. */
export function managementEndpoints(clientFor: ClientFor): Endpoint[] {
  return [
    ...keyEndpoints(clientFor),
    ...keyActionEndpoints(clientFor),
    ...bulkEndpoints(clientFor),
    ...usageEndpoints(clientFor),
    ...logEndpoints(clientFor),
    ...explainEndpoints(clientFor),
    ...roleEndpoints(clientFor),
    ...catalogueEndpoints(clientFor),
    ...auditEndpoints(clientFor),
  ];
}
