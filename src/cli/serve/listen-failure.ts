import type { Config, ListenAddress } from '../../config/config.ts';
import { CliError } from '../failure.ts';
import { addressText } from './announce.ts';

export type Listener = 'proxy' | 'management' | 'health';

/** Stands for the address of a listener that there is not, of which nothing can fail. */
const NOWHERE: ListenAddress = { host: '', port: 0 };

interface SystemError extends Error {
  readonly code: string;
  readonly syscall: string;
  readonly port?: number;
  readonly hostname?: string;
  readonly address?: string;
}

const OPTIONS: Readonly<Record<Listener, string>> = {
  proxy: '--listen',
  management: '--management-listen',
  health: '--health-listen',
};

/** The listener whose port another program has; null when that is not what went wrong. */
export function takenListener(error: unknown, config: Config): Listener | null {
  const cause = systemError(error);
  return cause?.code === 'EADDRINUSE' ? listenerOf(cause, config) : null;
}

/** A listener that cannot be opened, as the user is told of it; null when the error is another one. */
export function listenFailure(error: unknown, config: Config): CliError | null {
  const cause = systemError(error);
  if (cause === null) return null;
  const listener = listenerOf(cause, config);
  const address = config[listener].listen ?? NOWHERE;
  const message = `${listener}.listen: ${addressText(address)} ${reason(cause.code, address)} (${OPTIONS[listener]})`;
  return new CliError('LISTEN_FAILED', message);
}

function reason(code: string, { host }: ListenAddress): string {
  switch (code) {
    case 'EADDRINUSE':
      return 'is in use by another program; stop that one, or choose another port';
    case 'EACCES':
      return 'may not be used by this user, as ports below 1024 often may not; choose another port';
    case 'EADDRNOTAVAIL':
      return `cannot be listened on: ${host} is no address of this machine`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `cannot be listened on: the name ${host} is not known`;
    case 'ENOTSUP':
    case 'EOPNOTSUPP':
      return 'cannot be shared by several processes on this system; leave --workers out';
    default:
      return `cannot be listened on: ${code}`;
  }
}

const LISTENERS: readonly Listener[] = ['proxy', 'management', 'health'];

/** Which listener it is: the one of that name, or with that port, and of several the one with that address too. */
function listenerOf({ port, hostname, address }: SystemError, config: Config): Listener {
  const open = LISTENERS.flatMap((name) => {
    const { listen } = config[name];
    return listen === null ? [] : [{ name, listen }];
  });
  const meant = open.filter(({ listen }) => (hostname === undefined ? listen.port === port : listen.host === hostname));
  return (meant.find(({ listen }) => listen.host === address) ?? meant[0])?.name ?? 'proxy';
}

/** The system's own error, however often it was wrapped. */
function systemError(error: unknown): SystemError | null {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (!('syscall' in cause) || !('code' in cause)) continue;
    if (['listen', 'bind', 'getaddrinfo'].includes(String(cause.syscall))) return cause as SystemError;
  }
  return null;
}
