/** What stands above the operations of the document. */

export const TITLE = 'Latchkey management API';

export const DESCRIPTION = `Keys, and all that belongs to them: who has one, what it may do, where it was used.

Every request carries a management token, a JWT: \`Authorization: Bearer YOUR_JWT_TOKEN\`. \`latchkey token --subject NAME --permission admin:write\` makes one. A token with \`admin:read\` sees everything, one with \`admin:write\` may change everything. Any other sees and changes the personal keys whose owner is its subject, and gives them no more than it has itself: the permissions that the token lists and those that \`management.self_service\` gives everybody.

Bodies are JSON; a field that is not known is refused. Times are ISO 8601. What goes wrong is answered as \`application/problem+json\` (RFC 9457) with a \`code\` for programs. Every answer has \`X-Request-Id\`; a valid one that was sent is kept.

A key and a role have a version, which is the \`ETag\`. A change that sends it as \`If-Match\` is done only if nobody changed the thing in between; one that does not send it is done whatever the version.`;

/** By tag, in the order in which they are shown. */
export const TAGS = {
  Keys: 'A key is a record with an id; its secret is shown once, when it is made or rotated.',
  Usage: 'How many requests came with a key, where they went, and how they ended.',
  Logs: 'The requests of a key, one by one.',
  Explain: 'What becomes of a request, and why: without making it.',
  Roles: 'Named sets of permissions that are made over this API; a key has those of its roles too.',
  Catalogue: 'What the configuration has for keys: permissions, presets, tiers and types.',
  Audit: 'Who managed what. Entries are chained by their hashes.',
} as const satisfies Record<string, string>;

export const SERVER = {
  url: 'http://127.0.0.1:8081',
  description: 'The management listener, where the configuration does not say otherwise.',
};

export const SECURITY_SCHEME = {
  type: 'http',
  scheme: 'bearer',
  bearerFormat: 'JWT',
  description: 'A management token: its subject is who asks, its permissions are what it may do.',
} as const;
