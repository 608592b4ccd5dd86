/** How the servers of a Redis store belong together. */
export type RedisTopology = 'single' | 'sentinel' | 'cluster';

export interface RedisHost {
  readonly host: string;
  readonly port: number;
}

/** What the URL of a Redis store says. */
export interface RedisUrl {
  readonly topology: RedisTopology;
  readonly tls: boolean;
  /** Of the servers that keep the data; '' for none. */
  readonly username: string;
  readonly password: string;
  /** The server; or the sentinels; or the nodes of a cluster to begin with. */
  readonly hosts: readonly RedisHost[];
  /** By which the sentinels know the primary; '' without sentinels. */
  readonly name: string;
  /** Always 0 in a cluster. */
  readonly database: number;
}

/** What is wrong with a URL: its form, or how its user and password are encoded. */
export type RedisUrlFault = 'form' | 'credentials';

/** Servers that one URL can name. */
export const MAX_REDIS_HOSTS = 32;

const URL_PARTS = /^redis(s)?(?:\+(sentinel|cluster))?:\/\/(?:([^@/?#]*)@)?([^@/?#]+)(?:\/([^?#]*))?$/;
const HOST = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::(\d{1,5}))?$/;
const CREDENTIALS = /^(?:[A-Za-z0-9._~!$&'()*+,;=:-]|%[0-9A-Fa-f]{2})*$/;
const DATABASE = /^\d{0,5}$/;
/** What sentinels take as a name. */
const NAME = /^([A-Za-z0-9._-]{1,100})(?:\/(\d{0,5}))?$/;

const PORT = 6379;
const SENTINEL_PORT = 26379;

export function readRedisUrl(text: string): RedisUrl | RedisUrlFault {
  const parts = URL_PARTS.exec(text);
  if (parts === null) return 'form';
  const [, tls, kind, credentials = '', list = '', path = ''] = parts;
  const topology = kind === 'sentinel' || kind === 'cluster' ? kind : 'single';
  const hosts = readHosts(list, topology);
  const what = readPath(path, topology);
  if (hosts === null || what === null) return 'form';
  if (!CREDENTIALS.test(credentials)) return 'credentials';
  try {
    const colon = credentials.indexOf(':');
    const username = decodeURIComponent(colon < 0 ? credentials : credentials.slice(0, colon));
    const password = colon < 0 ? '' : decodeURIComponent(credentials.slice(colon + 1));
    return { topology, tls: tls !== undefined, username, password, hosts, ...what };
  } catch {
    return 'credentials';
  }
}

function readHosts(list: string, topology: RedisTopology): RedisHost[] | null {
  const texts = list.split(',');
  if (texts.length > (topology === 'single' ? 1 : MAX_REDIS_HOSTS)) return null;
  const hosts: RedisHost[] = [];
  for (const text of texts) {
    const [, host = '', port] = HOST.exec(text) ?? [];
    const number = port === undefined ? defaultPort(topology) : Number(port);
    if (host === '' || number < 1 || number > 65_535) return null;
    hosts.push({ host: host.replace(/^\[(.*)\]$/, '$1'), port: number });
  }
  return hosts;
}

function defaultPort(topology: RedisTopology): number {
  return topology === 'sentinel' ? SENTINEL_PORT : PORT;
}

function readPath(path: string, topology: RedisTopology): Pick<RedisUrl, 'name' | 'database'> | null {
  if (topology === 'cluster') return path === '' || path === '0' ? { name: '', database: 0 } : null;
  if (topology === 'single') return DATABASE.test(path) ? { name: '', database: Number(path) } : null;
  const [, name = '', database = ''] = NAME.exec(path) ?? [];
  return name === '' ? null : { name, database: Number(database) };
}
