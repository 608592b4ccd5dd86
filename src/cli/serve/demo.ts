import { type DemoApi, startDemoApi } from '../../demo/api.ts';
import type { ManagementClient } from '../../management/client.ts';
import type { KeyIssued } from '../../management/schemas/key.ts';
import { CliError } from '../failure.ts';
import type { Io } from '../io.ts';
import { type Announced, localUrl } from './announce.ts';

const HOST = '127.0.0.1';
/** Where config/latchkey.yaml expects the API. */
const PORT = 9000;

const KEY_NAME = 'demo';
const KEY_OWNER = 'demo';
const KEY_TYPE = 'personal';
const KEY_PRESET = 'read_only';
const KEY_LIFE_MS = 86_400_000;
/** Keys that are asked of the store at a time. */
const PAGE = 100;

/** Starts the demo API, on another port when its own is taken. */
export async function startDemo(io: Io): Promise<DemoApi> {
  try {
    return await startDemoApi({ host: HOST, port: PORT });
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'EADDRINUSE') throw error;
    io.say(`latchkey: port ${PORT} is taken; the demo API uses a free one`);
    return startDemoApi({ host: HOST, port: 0 });
  }
}

/**
 * Makes a key to try things with. Those of earlier runs end: their secrets are not to be had again.
 *
 * @param now milliseconds since the epoch
 */
export async function issueDemoKey(client: ManagementClient, now: number): Promise<KeyIssued> {
  const { presets } = await client.presets();
  if (!presets.some(({ name }) => name === KEY_PRESET)) {
    throw new CliError('DEMO_FAILED', `--demo needs the preset ${KEY_PRESET}, which this configuration does not have`);
  }
  let cursor: string | undefined;
  do {
    const query = { limit: PAGE, owner: KEY_OWNER, status: 'active' as const };
    const page = await client.listKeys(cursor === undefined ? query : { ...query, cursor });
    for (const { id } of page.keys.filter((key) => key.name === KEY_NAME)) await client.revokeKey(id);
    cursor = page.pagination.next ?? undefined;
  } while (cursor !== undefined);
  return client.createKey({
    name: KEY_NAME,
    type: KEY_TYPE,
    owner: KEY_OWNER,
    description: 'Made by "latchkey serve --demo", for one day.',
    preset: KEY_PRESET,
    expires_at: new Date(now + KEY_LIFE_MS).toISOString(),
  });
}

/** What to paste into another terminal. */
export function demoText(server: Announced, { id, secret }: KeyIssued, io: Io): string {
  const url = localUrl(server.proxyAddress);
  const key = `-H 'Authorization: Bearer ${secret}'`;
  return [
    '',
    `${io.paint('bold', 'Try it.')} The key ${id} was made for this; it may read, and lives for one day.`,
    '',
    'This is answered by the demo API:',
    `  curl -i ${url}/api/domains ${key}`,
    '',
    'This is refused, 403 permission_denied, since the key lacks domains:delete:',
    `  curl -i -X DELETE ${url}/api/domains/1 ${key}`,
    '',
    'This is refused, 401 key_missing:',
    `  curl -i ${url}/api/domains`,
    '',
    ...managementLines(server),
    `Metrics:  curl ${localUrl(server.healthAddress)}/metrics`,
    'Keys:     npx latchkey keys list',
    'Stop:     Ctrl-C',
    '',
  ].join('\n');
}

function managementLines({ managementAddress }: Announced): string[] {
  return managementAddress === null ? [] : [`API docs: ${localUrl(managementAddress)}/docs`];
}
