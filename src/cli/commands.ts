import type { Command } from './command.ts';
import { completionCommand } from './completion/command.ts';
import { configCheck } from './config/check.ts';
import { configPrint } from './config/print.ts';
import { configSchema } from './config/schema.ts';
import { keysCreate } from './keys/create.ts';
import { keysDisable } from './keys/disable.ts';
import { keysEnable } from './keys/enable.ts';
import { keysList } from './keys/list.ts';
import { keysRevoke } from './keys/revoke.ts';
import { keysRotate } from './keys/rotate.ts';
import { keysShow } from './keys/show.ts';
import { keysUpdate } from './keys/update.ts';
import { serve } from './serve/command.ts';

/** Every command but `completion`, which is made from this list. */
const WORKING: readonly Command[] = [
  serve,
  keysCreate,
  keysList,
  keysShow,
  keysUpdate,
  keysEnable,
  keysDisable,
  keysRotate,
  keysRevoke,
  configCheck,
  configSchema,
  configPrint,
];

/** Everything that the program can do, in the order of the help. */
export const COMMANDS: readonly Command[] = [...WORKING, completionCommand(WORKING)];
