import type { Config, ListenAddress } from '../../config/config.ts';
import { CliError } from '../failure.ts';
import { addressText } from './announce.ts';

export type Listener = 'proxy' | 'health';

interface SystemError extends Error {
  readonly code: string;
  readonly syscall: string;
  readonly port?: number;
  readonly hostname?: string;
}

const OPTIONS: Readonly<Record<Listener, string>> = { proxy: '--listen', health: '--health-listen' };

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
  const address = listener === 'proxy' ? config.proxy.listen : config.health.listen;
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
    default:
      return `cannot be listened on: ${code}`;
  }
}

function listenerOf({ port, hostname }: SystemError, { proxy, health }: Config): Listener {
  if (hostname !== undefined) return hostname === proxy.listen.host ? 'proxy' : 'health';
  return port === health.listen.port && port !== proxy.listen.port ? 'health' : 'proxy';
}

/** The system's own error, however often it was wrapped. */
function systemError(error: unknown): SystemError | null {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (!('syscall' in cause) || !('code' in cause)) continue;
    if (['listen', 'bind', 'getaddrinfo'].includes(String(cause.syscall))) return cause as SystemError;
  }
  return null;
}
