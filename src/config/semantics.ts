import { didYouMean } from '../core/nearest.ts';
import { PatternError, parsePattern } from '../core/route.ts';
import type { ConfigDocument, Finding } from './document.ts';
import { DEFAULT_KEY_TYPES } from './key-types-schema.ts';
import type { SettingPath } from './problem.ts';
import { routeShape } from './shape.ts';

/**
 * What must hold between settings. Works on the values as YAML gave them, so that its findings come together with those
 * of the schema; whatever has the wrong kind is left to the schema.
 */
export function semanticFindings(document: ConfigDocument): Finding[] {
  const findings: Finding[] = [];
  const add = (path: SettingPath, message: string, at = document.locate(path)): void => {
    findings.push({ path, at, message });
  };
  const root = record(document.value);
  routesWithOneAccess(record(root['access']), add);
  tiersOfKeyTypes(root, add);
  upstreamSelectors(list(root['upstreams']), add);
  pepperVersions(list(record(root['keys'])['peppers']), add);
  listeners(root, add);
  torList(record(root['tor']), add);
  globalRules(root, add);
  return findings;
}

type Add = (path: SettingPath, message: string) => void;

function routesWithOneAccess(access: Readonly<Record<string, unknown>>, add: Add): void {
  const seen = new Map<string, string>();
  const visit = (kind: string, patterns: unknown, path: SettingPath): void => {
    for (const [index, pattern] of list(patterns).entries()) {
      const shape = shapeOf(pattern);
      if (shape === null) continue;
      const first = seen.get(shape) ?? kind;
      seen.set(shape, first);
      if (first !== kind) add([...path, index], `already listed under access.${first}; a route has one kind of access`);
    }
  };
  visit('public', access['public'], ['access', 'public']);
  visit('any_key', access['any_key'], ['access', 'any_key']);
  for (const [permission, patterns] of Object.entries(record(access['permissions']))) {
    visit('permissions', patterns, ['access', 'permissions', permission]);
  }
}

function shapeOf(pattern: unknown): string | null {
  if (typeof pattern !== 'string') return null;
  try {
    return routeShape(parsePattern(pattern));
  } catch (error) {
    if (error instanceof PatternError) return null;
    throw error;
  }
}

const DEFAULT_TIERS = Object.values(DEFAULT_KEY_TYPES).map((type) => type.tier);

function tiersOfKeyTypes(root: Readonly<Record<string, unknown>>, add: Add): void {
  const tiers = root['tiers'] === undefined ? DEFAULT_TIERS : Object.keys(record(root['tiers']));
  if (isRecord(root['tiers']) && tiers.length === 0) add(['tiers'], 'expected at least one tier');
  if (root['key_types'] === undefined) {
    const missing = DEFAULT_TIERS.filter((tier) => !tiers.includes(tier));
    if (missing.length === 0) return;
    add(
      ['tiers'],
      `key_types is not set and its default names ${missing.join(', ')}: add these tiers or set key_types`,
    );
    return;
  }
  const types = record(root['key_types']);
  if (isRecord(root['key_types']) && Object.keys(types).length === 0)
    add(['key_types'], 'expected at least one key type');
  for (const [name, type] of Object.entries(types)) {
    const tier = record(type)['tier'];
    if (typeof tier !== 'string' || tiers.includes(tier)) continue;
    const guess = didYouMean(tier, tiers) || `; expected one of ${tiers.join(', ')}`;
    add(['key_types', name, 'tier'], `there is no tier ${JSON.stringify(tier)}${guess}`);
  }
}

/** Two upstreams that claim the same host and path: which one is asked would be chance. */
function upstreamSelectors(upstreams: readonly unknown[], add: Add): void {
  const seen = new Map<string, number>();
  for (const [index, upstream] of upstreams.entries()) {
    const hosts = selectors(record(upstream)['hosts']).map((host) => host.toLowerCase());
    const paths = selectors(record(upstream)['paths']).map((path) => (path === '/' ? '' : path.replace(/\/$/, '')));
    for (const host of hosts) {
      for (const path of paths) {
        const key = `${host} ${path}`;
        const first = seen.get(key) ?? index;
        seen.set(key, first);
        if (first === index) continue;
        const what = `${host === '' ? 'any host' : host} and ${path === '' ? 'any path' : path}`;
        add(['upstreams', index], `upstreams[${first}] has ${what} already; "hosts" or "paths" must tell them apart`);
        return;
      }
    }
  }
}

function selectors(value: unknown): string[] {
  const texts = list(value).filter((item) => typeof item === 'string');
  return texts.length === 0 ? [''] : [...new Set(texts)];
}

function pepperVersions(peppers: readonly unknown[], add: Add): void {
  const seen = new Set<number>();
  for (const [index, pepper] of peppers.entries()) {
    // From the environment it is a text, and "1" is version 1 as well.
    const version = Number(record(pepper)['version']);
    if (seen.has(version)) add(['keys', 'peppers', index, 'version'], `version ${version} is there already`);
    if (!Number.isNaN(version)) seen.add(version);
  }
}

const DEFAULT_LISTENERS = { proxy: '0.0.0.0:8080', management: '127.0.0.1:8081', health: '0.0.0.0:9464' } as const;

/** Two listeners on one port of one address, or of every address, do not start. */
function listeners(root: Readonly<Record<string, unknown>>, add: Add): void {
  const all = Object.entries(DEFAULT_LISTENERS).map(([name, unset]) => {
    const written = record(root[name])['listen'];
    const text = typeof written === 'string' ? written : unset;
    const [, host, port] = /^(.*):(\d+)$/.exec(text) ?? [];
    return { name, text, isSet: text === written, host: host || '0.0.0.0', port: Number(port ?? 0) };
  });
  for (const [i, later] of all.entries()) {
    for (const earlier of all.slice(0, i)) {
      if (later.port === 0 || later.port !== earlier.port) continue;
      if (later.host !== earlier.host && !isEvery(later.host) && !isEvery(earlier.host)) continue;
      // It is said of one that is written, if either is.
      const [at, other] = later.isSet || !earlier.isSet ? [later, earlier] : [earlier, later];
      add([at.name, 'listen'], `${other.name}.listen is ${other.text}, the same port; each listener needs its own`);
    }
  }
}

/** Whether a listener there takes the port on all addresses; `[::]` takes IPv4 ones as well. */
function isEvery(host: string): boolean {
  return host === '0.0.0.0' || host === '[::]';
}

/** One list, and settings of the fetch only where there is one. */
function torList(tor: Readonly<Record<string, unknown>>, add: Add): void {
  if (tor['list_url'] === undefined) {
    for (const name of ['refresh', 'kept_file'].filter((name) => tor[name] !== undefined)) {
      add(['tor', name], 'is for list_url, which is not set');
    }
  } else if (tor['list_file'] !== undefined) {
    add(['tor', 'list_url'], 'expected either list_file or list_url, got both');
  }
}

/** Rules on places need to be told of places: else one lets everybody in, and another nobody. */
function globalRules(root: Readonly<Record<string, unknown>>, add: Add): void {
  const { country, tor } = record(root['restrictions']);
  const rules = record(country);
  if (record(root['country'])['database'] === undefined) {
    const path = ['restrictions', 'country'];
    const needs = 'needs country.database: without it no country is known';
    if (list(rules['block']).length > 0) add([...path, 'block'], `${needs}, and nobody would be blocked`);
    else if (rules['block_unknown'] === true)
      add([...path, 'block_unknown'], `${needs}, and everybody would be blocked`);
  }
  const places = record(root['tor']);
  if (record(tor)['block'] !== true || places['list_url'] !== undefined || places['list_file'] !== undefined) return;
  add(
    ['restrictions', 'tor', 'block'],
    'needs tor.list_url or tor.list_file: without a list everybody would be blocked',
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return isRecord(value) ? value : {};
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
