import type { GatewayProgress } from '../core/gateways.ts';

/** By name, of several with one name by id: so that people find a gateway where they saw it before. */
export function byName(a: GatewayProgress, b: GatewayProgress): number {
  return a.name === b.name ? order(a.id, b.id) : order(a.name, b.name);
}

function order(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
