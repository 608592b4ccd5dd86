import type { Command } from '../command.ts';
import { DONE } from '../failure.ts';
import { CONFIG_FLAG } from '../options.ts';

export const configPrint: Command = {
  words: ['config', 'print'],
  summary: 'Prints the configuration in force, defaults included and secrets masked.',
  arguments: [],
  flags: [CONFIG_FLAG],
  examples: ['latchkey config print', 'latchkey config print --json'],
  run: async (args, io) => {
    const { fileConfiguration } = await import('../configuration.ts');
    const { printConfig, settings } = await import('../../config/print.ts');
    const { config } = fileConfiguration(args, io);
    io.out(args.has('json') ? JSON.stringify(settings(config)) : printConfig(config).trimEnd());
    return DONE;
  },
};
