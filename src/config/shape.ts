import type { RoutePattern } from '../core/route.ts';

/** The same text for patterns that match the same requests: names of parameters do not count. */
export function routeShape(pattern: RoutePattern): string {
  return `${pattern.method} ${pathShape(pattern)}`;
}

/** The path's part of it, without the method. */
export function pathShape(pattern: RoutePattern): string {
  const segments = pattern.segments.map((segment) => (segment.startsWith(':') ? ':' : segment));
  return `/${segments.join('/')}${pattern.below ? '/*' : ''}`;
}
