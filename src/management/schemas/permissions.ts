import { z } from 'zod';
import { permission } from './common.ts';

/** How callers write permissions: the three forms of the reference, and their sorted list. */
export const permissionsInput = z
  .union(
    [
      z.array(permission).max(500),
      z.record(z.string(), z.union([z.array(z.string()).max(100), z.record(z.string(), z.boolean())])),
    ],
    'expected a list like ["domains:read"], or an object like {"domains": ["read"]} or {"domains": {"read": true}}',
  )
  .meta({
    id: 'PermissionsInput',
    description:
      'A list, an object of lists of actions, or an object of objects of booleans. Wildcards: `domains:*`, `*`.',
    examples: [
      ['domains:read', 'devices:*'],
      { domains: ['read', 'write'] },
      { domains: { read: true, write: false } },
    ],
  });

export type PermissionsInput = z.infer<typeof permissionsInput>;
