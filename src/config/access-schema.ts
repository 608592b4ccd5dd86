import { z } from 'zod';
import { MAX_LIMIT } from '../core/limits.ts';
import { isConcretePermission, isPermission } from '../core/permission.ts';
import { PatternError, parsePattern } from '../core/route.ts';
import { count, Invalid, text, unexpected } from './fields.ts';

export const NAME = /^[a-z][a-z0-9_-]{0,63}$/;
export const NAME_WHAT = 'a name of lower-case letters, digits, "_" and "-", like read_only';
export const PERMISSION_WHAT = 'a permission like domains:read';

export const MAX_ROUTES = 10_000;

/** One route, like `GET /api/domains/:id`. */
function pattern() {
  return text('a route like GET /api/domains/:id', (input): string | Invalid => {
    try {
      parsePattern(input);
      return input;
    } catch (error) {
      if (error instanceof PatternError) return new Invalid(error.message);
      throw error;
    }
  });
}

function patterns() {
  return z.array(pattern()).max(MAX_ROUTES);
}

/** Without a prototype: a look-up by a name that came with a request finds what the file says and nothing else. */
export function bare<T>(record: Record<string, T>): Record<string, T> {
  return Object.assign({ __proto__: null } as unknown as Record<string, T>, record);
}

const name = z.string().regex(NAME, `expected ${NAME_WHAT}`);

const concrete = z.string().regex(/^[a-z][a-z0-9_.-]{0,63}:[a-z][a-z0-9_.-]{0,63}$/, `expected ${PERMISSION_WHAT}`);

export const accessSchema = z
  .strictObject({
    public: patterns().describe('Routes that need no key.').prefault([]),
    any_key: patterns().describe('Routes that any valid key opens.').prefault([]),
    permissions: z
      .record(concrete.refine(isConcretePermission, `expected ${PERMISSION_WHAT}`), patterns())
      .describe('Each permission and the routes that it opens; the catalogue of permissions.')
      .prefault({}),
  })
  .describe('Which routes there are, and what each asks for. What it does not name is closed.')
  .transform((v) => ({ public: v.public, anyKey: v.any_key, permissions: bare(v.permissions) }));

const GRANT_WHAT = 'a permission like domains:read, domains:* or *';
/** What a key can be given: a permission, or a wildcard over some. */
export const grant = () => text(GRANT_WHAT, (input) => (isPermission(input) ? input : unexpected(GRANT_WHAT, input)));

export const presetsSchema = z
  .record(name, z.array(grant()).max(MAX_ROUTES))
  .describe('Named sets of permissions that keys can be given.')
  .prefault({})
  .transform(bare);

const limit = () => count({ min: 1, max: MAX_LIMIT });

export const tiersSchema = z
  .record(
    name,
    z
      .strictObject({
        per_hour: limit().describe('Requests in one hour of the UTC clock.'),
        per_day: limit().describe('Requests in one day of the UTC clock.'),
        burst: limit().describe('Requests at once; they come back at a rate of per_hour.'),
      })
      .transform((v) => ({ perHour: v.per_hour, perDay: v.per_day, burst: v.burst })),
  )
  .describe('Named sets of limits. A list here replaces the default one.')
  .prefault({
    personal: { per_hour: 1000, per_day: 10_000, burst: 100 },
    organization: { per_hour: 10_000, per_day: 100_000, burst: 1000 },
    service: { per_hour: 50_000, per_day: 500_000, burst: 5000 },
  })
  .transform(bare);
