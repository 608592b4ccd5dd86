import { z } from 'zod';
import { grant, MAX_ROUTES } from './access-schema.ts';
import type { JwtConfig } from './config.ts';
import { count, filePath, matching, size } from './fields.ts';
import { jwksUrl, listenAddressOrOff } from './network-fields.ts';

const DEFAULT_SECRET_FILE = './data/management.secret';

/** What a token says in `iss` and `aud`, which may be an URL. */
const claim = () => matching('printable text without spaces, up to 256 characters', /^[\x21-\x7e]{1,256}$/);

const jwtSchema = z
  .strictObject({
    issuer: claim().describe('What a token must say in "iss".').prefault('latchkey'),
    audience: claim().describe('What a token must say in "aud".').prefault('latchkey-management'),
    secret_file: filePath()
      .describe(
        `The file with the secret that signs tokens; made when it is not there. ${DEFAULT_SECRET_FILE} unless set.`,
      )
      .optional(),
    public_key_file: filePath()
      .describe('The file with the public key of whoever signs tokens, PEM or JWK.')
      .optional(),
    jwks_url: jwksUrl().describe('Where whoever signs tokens publishes the public keys.').optional(),
  })
  .describe('Which tokens are believed: of secret_file, public_key_file and jwks_url, one.')
  .prefault({})
  .transform((v, context): JwtConfig => {
    const sources = sourcesOf(v);
    if (sources.length > 1) {
      const names = sources.map(({ kind }) => kind).join(' and ');
      context.addIssue({ code: 'custom', message: `expected one source of tokens, got ${names}` });
      return z.NEVER;
    }
    const source = sources[0] ?? { kind: 'secret_file', path: DEFAULT_SECRET_FILE };
    return { issuer: v.issuer, audience: v.audience, source };
  });

function sourcesOf(v: {
  readonly secret_file?: string | undefined;
  readonly public_key_file?: string | undefined;
  readonly jwks_url?: string | undefined;
}): JwtConfig['source'][] {
  return [
    ...(v.secret_file === undefined ? [] : [{ kind: 'secret_file', path: v.secret_file } as const]),
    ...(v.public_key_file === undefined ? [] : [{ kind: 'public_key_file', path: v.public_key_file } as const]),
    ...(v.jwks_url === undefined ? [] : [{ kind: 'jwks_url', url: v.jwks_url } as const]),
  ];
}

const selfServiceSchema = z
  .strictObject({
    permissions: z
      .array(grant())
      .max(MAX_ROUTES)
      .describe('What such a caller may give its own keys, besides what its token lists.')
      .prefault([]),
    max_keys: count({ min: 1, max: 1_000_000 })
      .describe('How many keys of its own such a caller may have.')
      .prefault(100),
  })
  .describe('Callers without admin:write, who look after their own keys.')
  .prefault({});

export const managementSchema = z
  .strictObject({
    listen: listenAddressOrOff()
      .describe('Address of the management API; off: there is none.')
      .prefault('127.0.0.1:8081'),
    jwt: jwtSchema,
    max_body_size: size({ min: 1024, max: 64 * 1024 * 1024 })
      .describe('The body of one request; it is kept in memory.')
      .prefault('1MiB'),
    self_service: selfServiceSchema,
  })
  .describe('The listener over which keys are managed.')
  .prefault({})
  .transform((v) => ({
    listen: v.listen,
    jwt: v.jwt,
    maxBodyBytes: v.max_body_size,
    selfServicePermissions: v.self_service.permissions,
    selfServiceMaxKeys: v.self_service.max_keys,
  }));
