import type { Command } from '../command.ts';
import { DONE } from '../failure.ts';

export const configSchema: Command = {
  words: ['config', 'schema'],
  summary: 'Prints the JSON Schema of the configuration file, which editors use.',
  arguments: [],
  flags: [],
  examples: ['latchkey config schema > latchkey.schema.json'],
  run: async (_args, io) => {
    const { configJsonSchema } = await import('../../config/json-schema.ts');
    io.out(JSON.stringify(configJsonSchema(), null, 2));
    return DONE;
  },
};
