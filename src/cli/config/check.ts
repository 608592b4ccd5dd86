import type { Warning } from '../../config/check.ts';
import { configFile } from '../../config/environment.ts';
import type { LoadedConfig } from '../../config/load.ts';
import { ConfigError, type ConfigProblem, formatProblem } from '../../config/problem.ts';
import { oneLine } from '../../observe/log-text.ts';
import type { Args } from '../args.ts';
import type { Command } from '../command.ts';
import { DONE, FAILED } from '../failure.ts';
import type { Io } from '../io.ts';
import { CONFIG_FLAG } from '../options.ts';

export const configCheck: Command = {
  words: ['config', 'check'],
  summary: 'Reports every mistake in a configuration, and what it allows but probably does not mean.',
  arguments: [],
  flags: [CONFIG_FLAG],
  notes: [
    'The files of country.database and tor.list_file are read too; nothing is fetched.',
    'The exit code is 1 when there is a mistake; warnings alone do not count.',
  ],
  examples: ['latchkey config check', 'latchkey config check --config /etc/latchkey/latchkey.yaml --json'],
  run,
};

async function run(args: Args, io: Io): Promise<number> {
  const file = configFile(io.environment, args.one('config'));
  const loaded = await load(args, io, file);
  // A machine gets one document either way.
  const json = args.has('json');
  if (loaded instanceof ConfigError) {
    if (!json) throw loaded;
    io.out(JSON.stringify({ file, problems: loaded.problems, omitted: loaded.omitted, warnings: [] }));
    return FAILED;
  }
  const { checkConfig } = await import('../../config/check.ts');
  const warnings = checkConfig(loaded.config, (path) => loaded.locate(path));
  if (json) io.out(JSON.stringify({ file, problems: [], omitted: 0, warnings }));
  else io.out(text(file, warnings));
  return DONE;
}

async function load(args: Args, io: Io, file: string): Promise<LoadedConfig | ConfigError> {
  const { fileConfiguration } = await import('../configuration.ts');
  try {
    const loaded = fileConfiguration(args, io);
    const problems = await placesProblems(loaded, file);
    return problems.length === 0 ? loaded : new ConfigError(problems);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
}

/** What stops the start although the configuration itself is sound. */
async function placesProblems(loaded: LoadedConfig, file: string): Promise<ConfigProblem[]> {
  const { checkPlaces } = await import('../../wiring/places.ts');
  const faults = await checkPlaces(loaded.config.places);
  return faults.map(({ setting, problem }) => {
    const at = loaded.locate(setting.split('.'));
    return { file, line: at?.line ?? null, column: at?.column ?? null, path: setting, message: problem };
  });
}

function text(file: string, warnings: readonly Warning[]): string {
  if (warnings.length === 0) return `${file}: no mistakes`;
  return warnings.map((warning) => oneLine(formatProblem(asProblem(file, warning)))).join('\n');
}

function asProblem(file: string, warning: Warning): ConfigProblem {
  return { ...warning, file, message: `warning: ${warning.message}` };
}
