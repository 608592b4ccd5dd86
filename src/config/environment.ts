/** The only door to the environment. Everything else is handed an Environment, so that tests can give their own. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Where the configuration is read from when nothing names another file. */
export const DEFAULT_CONFIG_FILE = 'config/latchkey.yaml';

/** The environment of this process. */
export function processEnvironment(): Environment {
  return process.env;
}

/**
 * The configuration file to read.
 *
 * @param named what `--config` named; undefined when it was not given
 * @returns `named`, else LATCHKEY_CONFIG, else `config/latchkey.yaml`
 */
export function configFile(environment: Environment, named?: string): string {
  return named ?? (environment['LATCHKEY_CONFIG'] || DEFAULT_CONFIG_FILE);
}

/** Whether the user asked for output without colours (https://no-color.org): set and not empty. */
export function wantsNoColor(environment: Environment): boolean {
  return (environment['NO_COLOR'] ?? '') !== '';
}
