import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { checkConfig } from '../../src/config/check.ts';
import { configJsonSchema, type EditorSchema } from '../../src/config/json-schema.ts';
import { loadConfig } from '../../src/config/load.ts';
import { RESTART_SETTINGS } from '../../src/config/restart.ts';
import { RouteTable } from '../../src/core/route.ts';

const ROOT = join(import.meta.dirname, '../..');
const EXAMPLE = join(ROOT, 'config/latchkey.yaml');
const DOC = readFileSync(join(ROOT, 'docs/configuration.md'), 'utf8');

interface Setting {
  readonly path: string;
  readonly default: unknown;
}

/** Every setting that the schema knows, as the documentation writes it. */
function allSettings(schema: EditorSchema, path: string): Setting[] {
  const found: Setting[] = [];
  if (path !== '') found.push({ path, default: schema.default });
  for (const option of [schema, ...(schema.anyOf ?? [])]) {
    for (const [name, inner] of Object.entries(option.properties ?? {})) {
      found.push(...allSettings(inner, path === '' ? name : `${path}.${name}`));
    }
    if (typeof option.additionalProperties === 'object')
      found.push(...allSettings(option.additionalProperties, `${path}.NAME`));
    if (option.items?.properties !== undefined) found.push(...allSettings(option.items, `${path}[]`));
  }
  return found;
}

/** Rows of the tables: setting to default, without the backquotes. */
function documented(): Map<string, string> {
  const rows = DOC.matchAll(/^\| `([a-z_.[\]A-Z]+)` \|(.*?)\| (.+) \|$/gm);
  return new Map([...rows].map((row) => [String(row[1]), String(row[2]).replaceAll('`', '').trim()]));
}

/** Places that hold only further settings are the sections of the documentation. */
const SECTIONS = new Set([
  'proxy',
  'proxy.websocket',
  'management',
  'management.jwt',
  'management.self_service',
  'health',
  'cache',
  'keys',
  'keys.peppers[]',
  'upstreams',
  'upstreams[]',
  'access',
  'tiers.NAME',
  'key_types.NAME',
  'key_types.NAME.request_log',
  'country',
  'tor',
  'restrictions',
  'restrictions.ip',
  'restrictions.country',
  'restrictions.tor',
  'failures',
  'retention',
  'log',
]);

t.test('every setting is documented, with its default', async (t) => {
  const rows = documented();
  const settings = allSettings(configJsonSchema(), '').filter(({ path }) => !SECTIONS.has(path));
  for (const setting of settings) {
    const row = rows.get(setting.path);
    if (row === undefined) t.fail(`${setting.path} is not documented`);
    else if (row !== 'see above') t.equal(row, shown(setting.default), setting.path);
  }
  t.ok(settings.length > 60, 'the schema was walked');
  const known = new Set(settings.map(({ path }) => path));
  for (const path of rows.keys()) t.ok(known.has(path), `${path} is documented and is a setting`);
});

function shown(value: unknown): string {
  if (value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

t.test('every setting has a description for editors', async (t) => {
  const undescribed = (schema: EditorSchema, path: string): string[] => [
    ...Object.entries(schema.properties ?? {}).flatMap(([name, inner]) => [
      ...(inner.description === undefined ? [`${path}.${name}`] : []),
      ...undescribed(inner, `${path}.${name}`),
    ]),
    ...(schema.items === undefined ? [] : undescribed(schema.items, `${path}[]`)),
    ...(schema.anyOf ?? []).flatMap((option) => undescribed(option, path)),
  ];
  t.strictSame(undescribed(configJsonSchema(), ''), []);
});

t.test('the settings that need a restart are those that the documentation lists', async (t) => {
  const list = /These settings need a restart[^:]*: ([^.]*(?:\.[a-z][^.]*)*)\./.exec(DOC)?.[1] ?? '';
  t.strictSame(new Set([...list.matchAll(/`([^`]+)`/g)].map((found) => found[1])), new Set(RESTART_SETTINGS));
});

t.test('the schema for editors in the repository is the one that the program has', async (t) => {
  const kept = JSON.parse(readFileSync(join(ROOT, 'config/latchkey.schema.json'), 'utf8'));
  t.strictSame(
    kept,
    JSON.parse(JSON.stringify(configJsonSchema())),
    'else: latchkey config schema > config/latchkey.schema.json',
  );
});

t.test('the example loads without problems or warnings', async (t) => {
  const { config, locate } = loadConfig(EXAMPLE, {});
  t.strictSame(checkConfig(config, locate), []);
  t.equal(config.upstreams[0]?.url, 'http://127.0.0.1:9000');
});

t.test('the example maps its permissions to the routes of the demo API', async (t) => {
  const { config } = loadConfig(EXAMPLE, {});
  const table = new RouteTable(config.access);
  const asked = (method: string, path: string): unknown => {
    const route = table.match(method, path);
    return route === null ? null : route.access === 'permission' ? route.permissions.join() : route.access;
  };
  for (const resource of ['domains', 'devices', 'incidents', 'services']) {
    t.equal(asked('GET', `/api/${resource}`), `${resource}:read`);
    t.equal(asked('HEAD', `/api/${resource}/1/history`), `${resource}:read`);
    t.equal(asked('POST', `/api/${resource}`), `${resource}:write`);
    t.equal(asked('PUT', `/api/${resource}/1`), `${resource}:write`);
    t.equal(asked('PATCH', `/api/${resource}/1`), `${resource}:write`);
    t.equal(asked('DELETE', `/api/${resource}/1`), `${resource}:delete`);
    t.equal(asked('DELETE', `/api/${resource}`), null);
  }
  t.equal(asked('GET', '/api/events'), 'incidents:read');
  t.equal(asked('GET', '/api/live'), 'incidents:read');
  t.equal(asked('GET', '/api/reports/2026'), 'reports:read');
  t.equal(asked('POST', '/api/reports'), 'reports:write');
  t.equal(asked('GET', '/api/admin/settings'), 'admin:read');
  t.equal(asked('PUT', '/api/admin/settings'), 'admin:write');
  t.equal(asked('GET', '/status'), 'public');
  t.equal(asked('GET', '/api/whoami'), 'any_key');
  t.equal(asked('GET', '/'), null);
  t.strictSame(Object.keys(config.presets), ['read_only', 'monitoring', 'full_access']);
});
