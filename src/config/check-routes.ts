import { parsePattern, type RoutePattern } from '../core/route.ts';
import type { Advice } from './advice.ts';
import type { AccessConfig } from './config.ts';
import type { SettingPath } from './problem.ts';
import { pathShape, routeShape } from './shape.ts';

interface Listed {
  readonly text: string;
  readonly pattern: RoutePattern;
  readonly path: SettingPath;
  /** The list that it stands in: `access.public`, `access.permissions.domains:read`. */
  readonly list: string;
  /** What it asks for, comparable: two routes with the same text here let the same keys pass. */
  readonly access: string;
}

/** What is odd about the routes of a valid configuration. */
export function routeAdvice(access: AccessConfig): Advice[] {
  const routes = listRoutes(access);
  if (routes.length === 0) return [{ path: ['access'], message: 'no route is listed, so every request is refused' }];
  return [...repeated(routes), ...headApart(routes), ...wideOpen(routes)];
}

function listRoutes(access: AccessConfig): Listed[] {
  const lists: [string, SettingPath, readonly string[]][] = [
    ['public', ['access', 'public'], access.public],
    ['any_key', ['access', 'any_key'], access.anyKey],
    ...Object.entries(access.permissions).map(([permission, patterns]): [string, SettingPath, readonly string[]] => [
      permission,
      ['access', 'permissions', permission],
      patterns,
    ]),
  ];
  return lists.flatMap(([name, path, patterns]) =>
    patterns.map((text, index) => ({
      text,
      pattern: parsePattern(text),
      path: [...path, index],
      list: path.join('.'),
      access: name,
    })),
  );
}

/** One route that is written twice: in one list for nothing, or under two spellings that look like two routes. */
function repeated(routes: readonly Listed[]): Advice[] {
  const first = new Map<string, Listed>();
  return routes.flatMap((route) => {
    const shape = routeShape(route.pattern);
    const known = first.get(shape);
    if (known === undefined) {
      first.set(shape, route);
      return [];
    }
    if (known.text !== route.text) {
      const message = `the same route as "${known.text}" in ${known.list}: names of parameters do not tell routes apart`;
      return [{ path: route.path, message }];
    }
    return known.list === route.list ? [{ path: route.path, message: 'listed twice' }] : [];
  });
}

/** HEAD routes beside a GET route: GET covers HEAD, so they either add nothing or open (or close) something else. */
function headApart(routes: readonly Listed[]): Advice[] {
  const accessOf = (method: string, shape: string): string =>
    routes
      .filter((route) => route.pattern.method === method && pathShape(route.pattern) === shape)
      .map((route) => route.access)
      .sort()
      .join(' ');
  return routes.flatMap(({ pattern, path }) => {
    if (pattern.method !== 'HEAD') return [];
    const shape = pathShape(pattern);
    const get = accessOf('GET', shape);
    if (get === '') return [];
    const same = get === accessOf('HEAD', shape);
    const message = same
      ? 'GET covers HEAD already'
      : 'HEAD asks for something else here than GET, which has the same answer';
    return [{ path, message }];
  });
}

/** Public patterns that open everything that no other route names. */
function wideOpen(routes: readonly Listed[]): Advice[] {
  return routes.flatMap(({ pattern, path, access }) => {
    if (access !== 'public' || !pattern.below) return [];
    if (pattern.segments.some((segment) => !segment.startsWith(':'))) return [];
    const method = pattern.method === '*' ? 'request' : `${pattern.method} request`;
    return [{ path, message: `opens every ${method} that no other route names, without a key` }];
  });
}
