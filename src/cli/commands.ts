import { auditList } from './audit/list.ts';
import { auditVerify } from './audit/verify.ts';
import type { Command } from './command.ts';
import { completionCommand } from './completion/command.ts';
import { configCheck } from './config/check.ts';
import { configPrint } from './config/print.ts';
import { configSchema } from './config/schema.ts';
import { explain } from './explain/command.ts';
import { keysBulk } from './keys/bulk.ts';
import { keysCreate } from './keys/create.ts';
import { keysDelete } from './keys/delete.ts';
import { keysDisable } from './keys/disable.ts';
import { keysEnable } from './keys/enable.ts';
import { keysList } from './keys/list.ts';
import { keysLogs } from './keys/logs.ts';
import { keysRevoke } from './keys/revoke.ts';
import { keysRotate } from './keys/rotate.ts';
import { keysSecret } from './keys/secret.ts';
import { keysShow } from './keys/show.ts';
import { keysUpdate } from './keys/update.ts';
import { keysUsage } from './keys/usage.ts';
import { rolesCreate } from './roles/create.ts';
import { rolesDelete } from './roles/delete.ts';
import { rolesList } from './roles/list.ts';
import { rolesShow } from './roles/show.ts';
import { rolesUpdate } from './roles/update.ts';
import { serve } from './serve/command.ts';
import { token } from './token.ts';
import { exportCommand } from './transfer/export.ts';
import { importCommand } from './transfer/import.ts';
import { migrateCommand } from './transfer/migrate.ts';

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
  keysDelete,
  keysBulk,
  keysUsage,
  keysLogs,
  keysSecret,
  explain,
  rolesList,
  rolesShow,
  rolesCreate,
  rolesUpdate,
  rolesDelete,
  auditList,
  auditVerify,
  token,
  exportCommand,
  importCommand,
  migrateCommand,
  configCheck,
  configSchema,
  configPrint,
];

/** Everything that the program can do, in the order of the help. */
export const COMMANDS: readonly Command[] = [...WORKING, completionCommand(WORKING)];
