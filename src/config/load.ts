import { RouteTable } from '../core/route.ts';
import type { Config } from './config.ts';
import { type ConfigDocument, type Finding, parseConfigDocument } from './document.ts';
import type { Environment } from './environment.ts';
import { issueFindings } from './issues.ts';
import { ConfigError, type ConfigProblem, formatPath, type Position, type SettingPath } from './problem.ts';
import { configSchema } from './schema.ts';
import { errorCode, readBounded, type SecretSources, secretSources } from './secrets.ts';
import { semanticFindings } from './semantics.ts';

/** A configuration, and where in its file each setting stands. */
export interface LoadedConfig {
  readonly config: Config;
  /** Where a setting stands, or the nearest one around it; null when it came from no file. */
  locate(path: SettingPath): Position | null;
}

const MAX_FILE_BYTES = 1024 * 1024;

/**
 * Reads and checks a configuration file.
 *
 * @param file relative to the working directory, as are the paths in it
 * @throws ConfigError with every problem that there is
 */
export function loadConfig(file: string, environment: Environment): LoadedConfig {
  return parseConfig(readConfigFile(file), file, environment);
}

/**
 * The text of a configuration file.
 *
 * @throws ConfigError when it cannot be read, is longer than 1MiB, or is not UTF-8
 */
export function readConfigFile(file: string): string {
  let bytes: Buffer | null;
  try {
    bytes = readBounded(file, MAX_FILE_BYTES);
  } catch (error) {
    throw fileError(file, `cannot be read (${errorCode(error)})`);
  }
  if (bytes === null) throw fileError(file, 'is longer than 1MiB');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw fileError(file, 'is not UTF-8 text');
  }
}

/** @throws ConfigError with every problem that there is */
export function parseConfig(text: string, file: string, environment: Environment): LoadedConfig {
  const document = parseConfigDocument(text, environment);
  const config = validate(document, file, secretSources(environment));
  return { config: { file, ...config }, locate: (path) => document.locate(path) };
}

/**
 * The configuration of `serve --upstream URL` without a file: any valid key may do anything, and every other setting has
 * its default.
 *
 * @throws ConfigError when the URL cannot be an upstream
 */
export function configForUpstream(url: string, environment: Environment): LoadedConfig {
  const locate = (): null => null;
  const document = {
    value: { upstreams: [{ url }], access: { any_key: ['* /*'] } },
    findings: [],
    locate,
    locateName: locate,
  };
  return { config: { file: null, ...validate(document, '--upstream', secretSources(environment)) }, locate };
}

function validate(document: ConfigDocument, file: string, sources: SecretSources): Omit<Config, 'file'> {
  const findings: Finding[] = [...document.findings];
  if (document.value === undefined) throw configError(file, findings);
  const result = configSchema(sources).safeParse(document.value);
  findings.push(...issueFindings(result.error?.issues ?? [], document), ...semanticFindings(document));
  if (!result.success || findings.length > 0) throw configError(file, findings);
  // Throws on nothing that was let through above; better here than when the gateway starts.
  new RouteTable(result.data.access);
  return result.data;
}

/** One problem for each setting: what the environment could not fill in is not also of the wrong kind. */
function configError(file: string, findings: readonly Finding[]): ConfigError {
  const problems = new Map<string, ConfigProblem>();
  for (const { path, at, message } of findings) {
    const name = formatPath(path);
    const key = name === '' ? JSON.stringify([at, message]) : name;
    if (problems.has(key)) continue;
    problems.set(key, { file, line: at?.line ?? null, column: at?.column ?? null, path: name, message });
  }
  return new ConfigError([...problems.values()]);
}

function fileError(file: string, message: string): ConfigError {
  return new ConfigError([{ file, line: null, column: null, path: '', message }]);
}
