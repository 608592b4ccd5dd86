/** What was acknowledged is there after a crash, whole, and the audit log tells of exactly what happened. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { loadConfig } from '../../src/config/load.ts';
import { type AuditEntry, type AuditEvent, entryFault, GENESIS } from '../../src/core/audit.ts';
import type { KeyRecord } from '../../src/core/key.ts';
import type { Store } from '../../src/core/ports.ts';
import { openManagement } from '../../src/wiring/management.ts';
import { COMPILED, folder } from '../cli/run.ts';
import { STORES } from '../e2e/site.ts';
import { MANAGED } from '../support/management.ts';
import type { Acknowledged } from './management-writer.ts';

const WRITER = fileURLToPath(new URL('management-writer.ts', import.meta.url));
/** Processes that write to the store at a time, all of them killed. */
const WRITERS = 5;
/** With five kills in each, and two stores: a hundred in all. */
const ROUNDS = 10;
/** Changes that a process makes before it is killed, so many milliseconds at most after the last of them. */
const MOST_CHANGES = 20;
const LATEST_KILL_MS = 8;
/** What is promised is not how soon the store answers a machine that is busy with other tests. */
const STORE_TIMEOUT_MS = 20_000;

type Writer = ChildProcessByStdio<null, Readable, null>;

function startWriter(file: string): Writer {
  return spawn(process.execPath, [WRITER, file], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env['PATH'] ?? '', NODE_COMPILE_CACHE: COMPILED },
  });
}

/** Lets a process make some changes, kills it in the midst of the next, and gives what it had acknowledged. */
async function writeUntilKilled(writer: Writer): Promise<Acknowledged[]> {
  const changes = randomInt(1, MOST_CHANGES);
  let text = '';
  writer.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    if (text.split('\n').length > changes) setTimeout(() => writer.kill('SIGKILL'), randomInt(LATEST_KILL_MS));
  });
  await once(writer, 'close');
  const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
  return lines.filter(Boolean).map((line) => JSON.parse(line) as Acknowledged);
}

async function allKeys({ keys }: Store): Promise<Map<string, KeyRecord>> {
  const found = new Map<string, KeyRecord>();
  let after: string | undefined;
  do {
    const page = await keys.list({ limit: 1_000, ...(after === undefined ? {} : { after }) });
    for (const record of page.keys) found.set(record.id, record);
    after = page.next ?? undefined;
  } while (after !== undefined);
  return found;
}

async function allEntries({ audit }: Store): Promise<AuditEntry[]> {
  const entries: AuditEntry[] = [];
  for (;;) {
    const more = await audit.walk(entries.length, 1_000);
    if (more.length === 0) return entries;
    entries.push(...more);
  }
}

/** What must have become of each key, by what the audit log says was done. */
async function checkStore(t: Test, store: Store, acknowledged: readonly Acknowledged[]): Promise<void> {
  const entries = await allEntries(store);
  let head = GENESIS;
  for (const entry of entries) {
    const fault = entryFault(entry, head);
    if (fault !== null) t.fail(fault);
    head = entry;
  }
  t.match(await store.audit.head(), { seq: head.seq, hash: head.hash }, 'the chain is whole to its end');

  const told = new Map<string, string[]>();
  for (const { json } of entries) {
    const { action, target } = JSON.parse(json) as AuditEvent;
    told.set(target ?? '', [...(told.get(target ?? '') ?? []), action]);
  }
  const lost = acknowledged.filter(({ action, id }) => told.get(id)?.includes(action) !== true);
  t.strictSame(lost, [], 'every acknowledged change is in the audit log');

  const keys = await allKeys(store);
  const wrong = [...told].filter(([id, actions]) => !isAsTold(keys.get(id), actions));
  t.strictSame(wrong, [], 'every key is as the audit log tells');
  t.strictSame(
    [...keys.keys()].filter((id) => !told.has(id)),
    [],
    'and there is none that it does not tell of',
  );
  for (const record of [...keys.values()].slice(0, 50)) {
    t.strictSame(await store.keys.findByDigest(record.secret.digest), record, 'its secret opens it');
  }
}

function isAsTold(record: KeyRecord | undefined, actions: readonly string[]): boolean {
  if (actions.includes('key.delete')) return record === undefined;
  if (record === undefined) return false;
  return (
    record.version === actions.length &&
    (record.status === 'revoked') === actions.includes('key.revoke') &&
    (record.rotatedAt !== null) === actions.includes('key.rotate') &&
    record.description.startsWith('changed') === actions.includes('key.update')
  );
}

/** Kills writers on one of the stores, fifty times, and looks at what is there. */
export function testCrashes(name: string): void {
  const store = STORES.find((each) => each.name === name);
  if (store === undefined) throw new Error(`there is no store ${name}`);
  t.test(`no acknowledged change is lost when the process is killed, and none is half done: ${name}`, async (t) => {
    const cwd = folder(t);
    const file = join(cwd, 'latchkey.yaml');
    const { store: url = `sqlite:${join(cwd, 'keys.db')}` } = await store.open(t);
    writeFileSync(file, `upstreams: [{ url: "http://127.0.0.1:9" }]\nstore: ${JSON.stringify(url)}\n${MANAGED}`);
    const acknowledged: Acknowledged[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const writers = Array.from({ length: WRITERS }, () => startWriter(file));
      acknowledged.push(...(await Promise.all(writers.map(writeUntilKilled))).flat());
    }
    t.comment(`${acknowledged.length} changes were acknowledged`);
    t.ok(acknowledged.length > 100);
    const { config } = loadConfig(file, {});
    const management = await openManagement({ ...config, store: { ...config.store, timeoutMs: STORE_TIMEOUT_MS } });
    t.teardown(() => management.close());
    await checkStore(t, management.store, acknowledged);
  });
}
