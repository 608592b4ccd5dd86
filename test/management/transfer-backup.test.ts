import t from 'tap';
import type { KeyRecord } from '../../src/core/key.ts';
import { isBackup, keyLine, readLine, roleLine } from '../../src/management/transfer/backup-format.ts';
import { readBackup } from '../../src/management/transfer/backup-reader.ts';
import { backupLines } from '../../src/management/transfer/backup-writer.ts';
import { spreadsheetLines } from '../../src/management/transfer/spreadsheet.ts';
import type { Line } from '../../src/management/transfer/text.ts';
import { ManualClock, NOON } from '../support/clock.ts';
import { keyRecord, sqliteStore } from '../support/keys.ts';

/** A record in which no field has the value that it has when nobody says anything. */
const FULL: KeyRecord = keyRecord({
  name: 'everything',
  type: 'service',
  description: 'two\nlines',
  metadata: { team: 'a' },
  status: 'disabled',
  permissions: ['a:b'],
  preset: 'read_only',
  roles: ['on_call'],
  tier: 'service',
  limits: { perHour: 1, perDay: 2, burst: 3 },
  restrictions: {
    ip_restrictions: ['192.0.2.0/24'],
    country_restrictions: ['NL'],
    block_tor: true,
    time_restrictions: { timezone: 'UTC', allowed_hours: ['09:00-17:00'], allowed_days: ['monday'] },
    user_agent_restrictions: ['a b/*'],
  },
  shadow: ['ip', 'limits'],
  secret: { digest: `sha256:${'a'.repeat(43)}`, hint: 'lk_…abcd' },
  previous: { digest: `hmac-2:${'b'.repeat(43)}`, hint: 'lk_…efgh', expiresAt: NOON + 1 },
  imported: true,
  createdAt: NOON + 2,
  updatedAt: NOON + 3,
  rotatedAt: NOON + 4,
  expiresAt: NOON + 5,
  revokedAt: NOON + 6,
  disabledBy: 'local:root',
  version: 7,
});

const UNWATCHED = { onKey: () => undefined, onUnreadable: () => undefined };

async function* numbered(lines: readonly string[]): AsyncGenerator<Line> {
  for (const [index, text] of lines.entries()) yield { number: index + 1, text };
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** What reading a backup ends with: `whole`, or why it is refused. */
async function verdict(lines: readonly string[]): Promise<string> {
  try {
    await collect(readBackup(numbered(lines)));
    return 'whole';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

t.test('a line says everything about a key but its sealed secret, and is read back as it was', async (t) => {
  const line = keyLine({ ...FULL, sealedSecret: 'what-was-sealed' }, true);
  t.notMatch(line, 'what-was-sealed');
  t.strictSame(readLine(line), { kind: 'key', record: { ...FULL, sealedSecret: null } });
  const plain = keyRecord({ secret: { digest: `sha256:${'a'.repeat(43)}`, hint: '…' } });
  t.strictSame(readLine(keyLine(plain, true)), { kind: 'key', record: plain }, 'what is null or empty too');
  const bare = keyLine(FULL, false);
  t.notMatch(bare, /aaaa|bbbb/, 'without hashes there are none');
  t.match(readLine(bare), { kind: 'wrong', field: 'digest' });
  const role = {
    name: 'on_call',
    description: 'd',
    permissions: ['a:b'],
    createdAt: NOON,
    updatedAt: NOON + 1,
    version: 3,
  };
  t.strictSame(readLine(roleLine(role)), { kind: 'role', role });
});

t.test('a line that cannot be understood names the field, never what it holds', async (t) => {
  const change = (changes: object): string => {
    const { key } = JSON.parse(keyLine(FULL, true)) as { key: object };
    return JSON.stringify({ key: { ...key, ...changes } });
  };
  t.strictSame(readLine(change({ shadow: true })), {
    kind: 'wrong',
    field: 'shadow',
    message: 'cannot be understood: written by another version, or damaged',
  });
  t.match(readLine(change({ digest: 'a-plain-secret-0001' })), { kind: 'wrong', field: 'digest' });
  t.match(readLine(change({ created_at: 'soon' })), { kind: 'wrong', field: 'created_at' });
  t.match(readLine(change({ status: 'gone' })), { kind: 'wrong', field: 'status' });
  for (const text of ['', 'a-plain-secret-0001', '[]', '{}', '{"other":1}']) {
    const found = readLine(text);
    t.equal(found.kind, 'wrong', text);
    t.notMatch(JSON.stringify(found), 'a-plain-secret');
  }
});

t.test('a backup that was cut, changed or added to is refused', async (t) => {
  const clock = new ManualClock(NOON);
  const store = await sqliteStore(t, clock);
  for (let i = 0; i < 3; i++) {
    await store.keys.create(keyRecord({ secret: { digest: `sha256:${String(i).repeat(43)}`, hint: '…' } }));
  }
  const options = { store, clock, filters: {}, watcher: UNWATCHED };
  const lines = (await collect(backupLines(options, true))).map((line) => line.trimEnd());
  t.equal(lines.length, 5);
  t.ok(isBackup(lines[0] ?? ''));
  t.equal(await verdict(lines), 'whole');
  t.match(await verdict(lines.slice(0, -1)), 'its end was cut off');
  t.match(await verdict([]), 'its end was cut off');
  t.match(await verdict(lines.toSpliced(2, 1)), 'was changed');
  t.match(await verdict(lines.map((line) => line.replace('somebody', 'another'))), 'was changed');
  t.match(await verdict([lines[1] ?? '', ...lines]), 'is no backup');
  t.match(await verdict([...lines, lines[1] ?? '']), 'something follows the last line');
  t.match(
    await verdict(lines.map((line) => line.replace('"version":1,"created', '"version":2,"created'))),
    'version 2',
  );
  const bare = await collect(backupLines(options, false));
  t.match(await verdict(bare.map((line) => line.trimEnd())), 'was made with --without-hashes');
});

t.test('what is in a spreadsheet is text to it, whatever it begins with', async (t) => {
  const clock = new ManualClock(NOON);
  const store = await sqliteStore(t, clock);
  const names = ['=1+1', '+1', '-1', '@a', '\t=1', 'a, "b"'];
  for (const [i, name] of names.entries()) {
    await store.keys.create(keyRecord({ name, createdAt: i, secret: { digest: `sha256:${i}`, hint: '…' } }));
  }
  const lines = await collect(spreadsheetLines({ store, clock, filters: {}, watcher: UNWATCHED }));
  t.match(lines[0], /^\ufeffid,name,type,owner,status,hint,.*\r\n$/);
  const cells = lines.slice(1).map((line) => line.slice(line.indexOf(',') + 1, line.indexOf(',personal')));
  t.strictSame(cells, ["'=1+1", "'+1", "'-1", "'@a", "'\t=1", '"a, ""b"""']);
  t.notMatch(lines.join(''), 'sha256:');
});
