import { DEFAULT_CONFIG_FILE } from '../config/environment.ts';
import type { Flag } from './command.ts';

export const CONFIG_FLAG: Flag = {
  name: 'config',
  value: 'FILE',
  summary: `The configuration file; without it, what LATCHKEY_CONFIG names, else ${DEFAULT_CONFIG_FILE}.`,
};

export const NO_CONFIG_FLAG: Flag = {
  name: 'no-config',
  summary: 'Read no file: every setting has its default, as under "serve --upstream".',
};

export const STORE_FLAG: Flag = {
  name: 'store',
  value: 'URL',
  summary: 'Where keys are kept, instead of what the configuration says: sqlite:PATH or redis://HOST:PORT/DB.',
};

export const SERVER_FLAG: Flag = {
  name: 'server',
  value: 'URL',
  summary:
    'Ask the management API there, with the token in LATCHKEY_TOKEN or the file that LATCHKEY_TOKEN_FILE names. LATCHKEY_SERVER by default.',
};

/** Those that say where keys are on this machine; they and a server exclude each other. */
export const LOCAL_OPTIONS = ['store', 'config', 'no-config'] as const;

/** What every command takes that works on a store, here or behind a gateway. */
export const TARGET_FLAGS: readonly Flag[] = [CONFIG_FLAG, NO_CONFIG_FLAG, STORE_FLAG, SERVER_FLAG];

/** For a change that is meant for what one has seen. */
export const VERSION_FLAG: Flag = {
  name: 'if-version',
  value: 'N',
  summary: 'Only if it still has this version ("version" in JSON): else it has changed since, and nothing is done.',
};

export const YES_FLAG: Flag = { name: 'yes', summary: 'Do it without asking.' };
