import { didYouMean } from '../core/nearest.ts';
import type { Advice } from './advice.ts';
import { deploymentAdvice } from './check-deployment.ts';
import { routeAdvice } from './check-routes.ts';
import type { Config } from './config.ts';
import { formatPath, type Position, type SettingPath } from './problem.ts';

/** Something in a valid configuration that its writer probably did not mean. */
export interface Warning {
  /** Like `access.permissions.domains:read[0]`. */
  readonly path: string;
  /** null when the place is not known. */
  readonly line: number | null;
  readonly column: number | null;
  readonly message: string;
}

/**
 * What `config check` reports beyond mistakes: routes that are never reached, names that nothing knows, openings that
 * are wider than they look.
 *
 * @param locate finds the place of a setting (see LoadedConfig); without it warnings have none
 * @returns warnings in the order of the file
 */
export function checkConfig(config: Config, locate: (path: SettingPath) => Position | null = () => null): Warning[] {
  const advice = [
    ...routeAdvice(config.access),
    ...nameAdvice(config),
    ...selfServiceAdvice(config),
    ...tierAdvice(config),
    ...deploymentAdvice(config),
  ];
  const warnings = advice.map(({ path, message }) => {
    const at = locate(path);
    return { path: formatPath(path), line: at?.line ?? null, column: at?.column ?? null, message };
  });
  return warnings.sort((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
}

/** Permissions that presets and self-service grant and no route asks for. */
function nameAdvice(config: Config): Advice[] {
  const known = Object.keys(config.access.permissions);
  const resources = new Set(known.map((permission) => permission.slice(0, permission.indexOf(':'))));
  const lists = Object.entries(config.presets).map(([preset, permissions]) => ({
    path: ['presets', preset],
    permissions,
  }));
  const selfService = {
    path: ['management', 'self_service', 'permissions'],
    permissions: config.management.selfServicePermissions,
  };
  return [selfService, ...lists].flatMap(({ path, permissions }) =>
    permissions.flatMap((permission, index) => {
      const resource = permission.slice(0, permission.indexOf(':'));
      const isKnown =
        permission === '*' ||
        (permission.endsWith(':*') ? resources.has(resource) : Object.hasOwn(config.access.permissions, permission));
      if (isKnown) return [];
      const guess = didYouMean(
        permission,
        permission.endsWith(':*') ? [...resources].map((name) => `${name}:*`) : known,
      );
      return [{ path: [...path, index], message: `no route asks for ${permission}${guess}` }];
    }),
  );
}

/** `*` for self-service: whoever has any token at all can then make a key that may do everything. */
function selfServiceAdvice(config: Config): Advice[] {
  return config.management.selfServicePermissions.flatMap((permission, index) => {
    if (permission !== '*') return [];
    const message = 'lets everybody who has a token make keys that may do anything';
    return [{ path: ['management', 'self_service', 'permissions', index], message }];
  });
}

function tierAdvice(config: Config): Advice[] {
  const used = new Set(Object.values(config.keyTypes).map((type) => type.tier));
  const advice: Advice[] = [];
  for (const [name, { perHour, perDay, burst }] of Object.entries(config.tiers)) {
    const path = ['tiers', name];
    if (!used.has(name)) advice.push({ path, message: 'no key type uses this tier; only keys that name it have it' });
    if (perDay < perHour) advice.push({ path, message: 'per_day is below per_hour, so per_hour is never reached' });
    if (burst > perHour) advice.push({ path, message: 'burst is above per_hour, so burst never refuses anything' });
  }
  return advice;
}
