import type { Environment } from '../../src/config/environment.ts';
import { type LoadedConfig, parseConfig } from '../../src/config/load.ts';
import { ConfigError, type ConfigProblem } from '../../src/config/problem.ts';

/** The two sections that every configuration needs, a line each. */
export const UPSTREAM = 'upstreams: [{ url: "http://127.0.0.1:9000" }]\n';
export const ACCESS = 'access: { any_key: ["* /*"] }\n';

/** What is given as a whole file: after an upstream and, unless it has its own section on access, open access. */
function whole(yaml: string): string {
  return `${UPSTREAM}${/^access:/m.test(yaml) ? '' : ACCESS}${yaml}`;
}

/** Reads a configuration that has an upstream, access and what is given. */
export function load(yaml: string, environment: Environment = {}): LoadedConfig {
  return parseConfig(whole(yaml), 'test.yaml', environment);
}

/** The problems of a whole file; [] when it has none. */
export function problemsOf(yaml: string, environment: Environment = {}): readonly ConfigProblem[] {
  try {
    parseConfig(yaml, 'test.yaml', environment);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

/** The problems, as `path: message`, of a configuration that has an upstream, access and what is given. */
export function complaints(yaml: string, environment: Environment = {}): string[] {
  return problemsOf(whole(yaml), environment).map(({ path, message }) => `${path}: ${message}`);
}
