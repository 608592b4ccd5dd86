import { restrictionValues } from '../../restrictions/index.ts';

/** What the documentation shows. A test holds each of these to the schema that shows it. */

export const KEY_ID = 'key_0123456789abcdef01234567';
const SECRET = 'lk_EXAMPLE…';

const TIME_RESTRICTIONS = {
  timezone: 'Europe/Amsterdam',
  allowed_hours: ['09:00-17:00'],
  allowed_days: ['monday', 'tuesday', 'wednesday', 'thursday', 'friday'],
};

export const KEY_CREATE = {
  name: 'Production API Key',
  type: 'organization',
  description: 'Key for production monitoring system',
  permissions: {
    domains: ['read', 'write'],
    devices: ['read'],
    incidents: ['read', 'write'],
    reports: ['read'],
  },
  expires_at: '2027-04-17T10:30:00Z',
  ip_restrictions: ['192.168.1.0/24'],
  metadata: { environment: 'production', service: 'monitoring-system', owner: 'devops-team' },
};

export const KEY_UPDATE = {
  name: 'Updated Production Key',
  permissions: { domains: ['read', 'write'], incidents: ['read', 'write'], reports: ['read'] },
  expires_at: '2027-05-17T08:00:00Z',
  country_restrictions: ['NL', 'BE', 'DE'],
  block_tor: true,
  time_restrictions: TIME_RESTRICTIONS,
};

export const KEY = {
  id: KEY_ID,
  name: 'Production API Key',
  type: 'organization',
  owner: 'devops-team',
  description: 'Key for production monitoring system',
  metadata: { environment: 'production', service: 'monitoring-system' },
  status: 'active',
  hint: 'lk_…a1B2',
  permissions: ['devices:read', 'domains:read', 'domains:write'],
  granted_permissions: ['devices:read', 'domains:read', 'domains:write'],
  preset: null,
  roles: [],
  tier: 'organization',
  limits: { per_hour: 10_000, per_day: 100_000, burst: 1_000 },
  limit_overrides: {},
  ...restrictionValues({ ip_restrictions: ['192.168.1.0/24'] }),
  shadow: [],
  created_at: '2027-01-17T08:00:00.000Z',
  updated_at: '2027-01-17T08:00:00.000Z',
  expires_at: '2027-04-17T10:30:00.000Z',
  last_used: '2027-01-17T10:30:00.000Z',
  rotated_at: null,
  rotation_due_at: null,
  revoked_at: null,
  previous_secret: null,
  recoverable: false,
  version: 1,
  usage: { requests_today: 1_250, requests_this_month: 25_000 },
};

export const KEY_ISSUED = {
  ...KEY,
  last_used: null,
  usage: { requests_today: 0, requests_this_month: 0 },
  secret: SECRET,
  warnings: [],
};

/** All gateways have confirmed a change. */
export const PROPAGATION = { acknowledged: 7, gateways: 7, took_ms: 12, missing: [] };

export const KEY_REVOKED = {
  ...KEY,
  status: 'revoked',
  updated_at: '2027-01-17T11:00:00.000Z',
  revoked_at: '2027-01-17T11:00:00.000Z',
  version: 2,
  propagation: {
    acknowledged: 6,
    gateways: 7,
    took_ms: 1_004,
    missing: [{ gateway: 'gw-a:8080', heard_ms_ago: 2_150 }],
  },
};

export const KEY_DELETED = { id: KEY_ID, deleted: true, propagation: PROPAGATION };

export const KEY_LIST = {
  keys: [KEY],
  unreadable: [],
  pagination: { total: 5, limit: 50, offset: 0, next: null },
};

export const KEY_ROTATED = {
  id: KEY_ID,
  name: 'Production API Key',
  new_secret: SECRET,
  rotated_at: '2027-01-17T11:00:00.000Z',
  old_secret_expires_at: '2027-01-18T11:00:00.000Z',
  version: 2,
  propagation: PROPAGATION,
};

export const KEY_SECRET = { id: KEY_ID, secret: SECRET };

export const BULK_CHANGE = { action: 'revoke', filter: { owner: 'devops-team', type: 'personal' }, dry_run: true };

export const BULK_RESULT = {
  action: 'revoke',
  dry_run: true,
  matched: 3,
  changed: 2,
  ids: [KEY_ID, 'key_89abcdef0123456789abcdef'],
  failed: [],
  next: null,
  propagation: null,
};

const REPORT = {
  period: '30d',
  from: '2026-12-19T00:00:00.000Z',
  to: '2027-01-18T00:00:00.000Z',
  total_requests: 45_000,
  requests_by_endpoint: { '/api/domains/*': 25_000, '/api/devices/*': 12_000, '/api/incidents/*': 8_000 },
  requests_by_method: { GET: 40_000, POST: 4_000, PUT: 1_000 },
  denials_by_code: { permission_denied: 12, rate_limited: 30 },
  error_rate: 0.02,
  avg_response_time_ms: 145,
  interval: 'day',
  series: [{ start: '2027-01-17T00:00:00.000Z', requests: 1_250, errors: 25, avg_response_time_ms: 145 }],
};

export const KEY_USAGE = { key_id: KEY_ID, ...REPORT };
export const OWNER_USAGE = { owner: 'devops-team', ...REPORT };
export const TOTAL_USAGE = REPORT;

export const LOG_ENTRY = {
  timestamp: '2027-01-17T10:30:15.000Z',
  ip_address: '192.168.1.100',
  user_agent: 'PulseGuard-SDK/1.0',
  method: 'GET',
  endpoint: '/api/domains',
  route: '/api/domains/*',
  status_code: 200,
  code: null,
  would_deny: [],
  response_time_ms: 145,
  request_id: 'req_abc123',
};

export const LOG_LIST = { logs: [LOG_ENTRY], pagination: { limit: 100, next: null } };

export const PERMISSION_LIST = {
  permissions: [
    { permission: 'domains:read', routes: ['GET /api/domains/*'] },
    { permission: 'domains:write', routes: ['POST /api/domains', 'PUT /api/domains/:id'] },
  ],
};

export const PRESET_LIST = {
  presets: [{ name: 'read_only', permissions: ['devices:read', 'domains:read', 'incidents:read', 'reports:read'] }],
};

export const TIER_LIST = {
  tiers: [{ name: 'personal', per_hour: 1_000, per_day: 10_000, burst: 100 }],
  key_types: [{ name: 'personal', tier: 'personal', default_expiry: '90d', max_expiry: null, rotation_due: null }],
};

export const ROLE_CREATE = {
  name: 'on_call',
  description: 'Whoever is on call this week',
  permissions: { incidents: ['read', 'write'], domains: ['read'] },
};

export const ROLE_UPDATE = { permissions: ['incidents:*', 'domains:read'] };

export const ROLE = {
  name: 'on_call',
  description: 'Whoever is on call this week',
  permissions: ['domains:read', 'incidents:read', 'incidents:write'],
  created_at: '2027-01-17T08:00:00.000Z',
  updated_at: '2027-01-17T08:00:00.000Z',
  version: 1,
};

export const ROLE_LIST = { roles: [ROLE] };

export const AUDIT_ENTRY = {
  seq: 42,
  timestamp: '2027-01-17T11:00:00.000Z',
  actor: 'alice',
  from: '192.0.2.7',
  action: 'key.disable',
  target: KEY_ID,
  before: { status: 'active', version: 1 },
  after: { status: 'disabled', version: 2 },
  request_id: 'req_abc123',
  previous_hash: '5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9',
  hash: '6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b',
};

export const AUDIT_LIST = { entries: [AUDIT_ENTRY], pagination: { limit: 100, next: 'NDE' } };
