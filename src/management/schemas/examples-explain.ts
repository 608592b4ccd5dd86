import { KEY_ID } from './examples.ts';

export const EXPLAIN_REQUEST = { key_id: KEY_ID, method: 'GET', path: '/api/domains', ip_address: '203.0.113.7' };

const PASSED = { verdict: 'passed', code: null, passes_at: null };

export const EXPLANATION = {
  allowed: false,
  status: 403,
  code: 'ip_blocked',
  title: 'Not allowed from this address',
  detail: 'address 203.0.113.7 is not in 192.168.1.0/24',
  key: { id: KEY_ID, name: 'Production API Key' },
  request: {
    method: 'GET',
    path: '/api/domains',
    ip_address: '203.0.113.7',
    user_agent: null,
    at: '2027-01-17T10:30:00.000Z',
  },
  recorded: null,
  route: { pattern: 'GET /api/domains/*', access: 'permission', required_permissions: ['domains:read'] },
  permission: 'domains:read',
  checks: [
    {
      ...PASSED,
      check: 'request',
      restriction: null,
      detail: 'GET /api/domains; it is of the route GET /api/domains/*',
    },
    { ...PASSED, check: 'key-status', restriction: null, detail: 'active; never expires' },
    {
      check: 'restrictions',
      restriction: 'ip',
      verdict: 'denied',
      code: 'ip_blocked',
      detail: 'address 203.0.113.7 is not in 192.168.1.0/24',
      passes_at: null,
    },
    {
      ...PASSED,
      check: 'authorize',
      restriction: null,
      detail: 'GET /api/domains/* needs domains:read; the key has domains:read',
    },
    {
      ...PASSED,
      check: 'limit',
      restriction: null,
      detail: '999 of 1,000 left at once, 8,750 of 10,000 an hour, 98,750 of 100,000 a day',
    },
  ],
  would_deny: [],
  limits: {
    burst: { limit: 1_000, remaining: 999, full_in_ms: 360 },
    hour: { limit: 10_000, remaining: 8_750, full_in_ms: 1_800_000 },
    day: { limit: 100_000, remaining: 98_750, full_in_ms: 48_600_000 },
    exact: true,
  },
  changes: [
    {
      change: 'add 203.0.113.7 to ip_restrictions',
      set: { ip_restrictions: ['192.168.1.0/24', '203.0.113.7'] },
      for: 'ip',
      suffices: true,
    },
  ],
  together_suffice: true,
  warnings: [],
};
