import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t from 'tap';
import type { Store } from '../../src/core/ports.ts';
import { openStore } from '../../src/stores/open.ts';
import { MAX_AHEAD } from '../../src/stores/sqlite/owned-ledger.ts';
import type { Harness } from './harness.ts';
import { checkStore } from './suite.ts';

const path = join(t.testdir(), 'keys.db');
const settings = { kind: 'sqlite', path, timeoutMs: 10_000 } as const;
const opened: Store[] = [];
t.teardown(() => Promise.all(opened.map((store) => store.close())));

/** Runs one statement on a connection of its own. */
function run(file: string, sql: string, ...values: (string | number)[]): Record<string, unknown> | undefined {
  const db = new DatabaseSync(file, { timeout: 10_000 });
  try {
    return db.prepare(sql).get(...values);
  } finally {
    db.close();
  }
}

const harness: Harness = {
  lostByKill: MAX_AHEAD,
  where: JSON.stringify(settings),
  open: async () => {
    const store = await openStore(settings, { now: () => Date.now() });
    const close = store.close;
    let closed: Promise<void> | null = null;
    const once = { ...store, close: () => (closed ??= close()) };
    opened.push(once);
    return once;
  },
  seed: async (keyId, s) => {
    const values = [keyId, s.hour, s.hourUsed, s.day, s.dayUsed, s.units, s.at];
    run(`${path}-limits`, 'REPLACE INTO limits VALUES (?, ?, ?, ?, ?, ?, ?)', ...values);
  },
  stateOf: async (keyId) => {
    const names = 'hour, hour_used AS hourUsed, day, day_used AS dayUsed, units, at';
    const row = run(`${path}-limits`, `SELECT ${names} FROM limits WHERE key_id = ?`, keyId);
    const number = (name: string): number => Number(row?.[name]);
    if (row === undefined) return null;
    const [hour, hourUsed, day] = [number('hour'), number('hourUsed'), number('day')];
    return { hour, hourUsed, day, dayUsed: number('dayUsed'), units: number('units'), at: number('at') };
  },
  damage: async (keyId, text) => {
    run(path, 'UPDATE keys SET record = ? WHERE id = ?', text, keyId);
  },
  forgetChanges: async () => {
    run(path, 'DELETE FROM changes');
  },
  tamperAudit: async (seq, json) => {
    run(path, 'UPDATE audit SET json = ? WHERE seq = ?', json, seq);
  },
  dropAudit: async (seq) => {
    run(path, 'DELETE FROM audit WHERE seq = ?', seq);
  },
  ageGateways: async (ms) => {
    run(`${path}-gateways`, 'UPDATE gateways SET heard_at = heard_at - ?', ms);
  },
  gatewaysHeld: async () => Number(run(`${path}-gateways`, 'SELECT count(*) AS n FROM gateways')?.['n']),
};

await t.test('SQLite', (t) => checkStore(t, harness));
