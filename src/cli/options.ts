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
