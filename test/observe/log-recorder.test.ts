import t, { type Test } from 'tap';
import { StoreError } from '../../src/core/ports.ts';
import type { LogBatch, LogBounds, RequestLog } from '../../src/core/request-log.ts';
import { newSecret } from '../../src/keys/secret.ts';
import { LogRecorder, type LogRecorderOptions } from '../../src/observe/log-recorder.ts';
import { exchange } from './exchange.ts';
import { manualTimer, openFiles } from './recording.ts';

const BOUNDS: LogBounds = { retentionMs: 86_400_000, maxEntries: 1_000 };

async function start(t: Test, options: Partial<LogRecorderOptions> = {}) {
  const { requests } = await openFiles(t);
  const timer = manualTimer();
  const troubles: unknown[] = [];
  const recorder = new LogRecorder({
    log: requests,
    boundsOf: () => BOUNDS,
    repeat: timer.repeat,
    onTrouble: (error) => troubles.push(error),
    ...options,
  });
  const idsOf = async (keyId: string): Promise<string[]> => {
    const page = await requests.read({ keyId, limit: 1_000, order: 'oldest' });
    return page.entries.map(({ requestId }) => requestId);
  };
  return { requests, timer, troubles, recorder, idsOf };
}

t.test('requests that came with a key are in its log within a second, refused ones too', async (t) => {
  const { requests, timer, recorder, idsOf } = await start(t);
  t.strictSame(timer.intervals, [1000]);
  recorder.sink(exchange({ keyId: 'a', requestId: 'one', userAgent: undefined }));
  recorder.sink(
    exchange({ keyId: 'a', requestId: 'two', allowed: false, status: 403, code: 'ip_blocked', route: null }),
  );
  recorder.sink(
    exchange({ keyId: 'a', requestId: 'four', at: exchange().at + 9, wouldDeny: ['ip_blocked', 'rate_limited'] }),
  );
  recorder.sink(exchange({ keyId: 'b', requestId: 'three' }));
  recorder.sink(exchange({ keyId: null, keyType: null, owner: null, requestId: 'nobody' }));
  t.strictSame(await idsOf('a'), []);
  timer.tick();
  await recorder.flush();
  t.strictSame(await idsOf('b'), ['three']);
  const { at, durationMs, address, userAgent, method, path, route } = exchange();
  const same = { keyId: 'a', at: Math.round(at + durationMs), address, method, path, durationUs: 7_123 };
  const { entries } = await requests.read({ keyId: 'a', limit: 5, order: 'oldest' });
  t.equal(entries.length, 3);
  t.match(entries, [
    { ...same, requestId: 'one', userAgent: null, route, status: 200, code: null, wouldDeny: [] },
    { ...same, requestId: 'two', userAgent, route: null, status: 403, code: 'ip_blocked', wouldDeny: [] },
    { requestId: 'four', status: 200, code: null, wouldDeny: ['ip_blocked', 'rate_limited'] },
  ]);
});

t.test('the type of a key says whether and how its requests are kept', async (t) => {
  const asked: string[] = [];
  const batches: LogBatch[] = [];
  const boundsOf = (keyType: string): LogBounds | null => {
    asked.push(keyType);
    if (keyType === 'gone') return null;
    return keyType === 'service' ? { ...BOUNDS, retentionMs: 0 } : { retentionMs: 5_000, maxEntries: 7 };
  };
  const { requests } = await openFiles(t);
  const append = requests.append.bind(requests);
  const log: RequestLog = Object.assign(requests, {
    append: (given: readonly LogBatch[]) => {
      batches.push(...given);
      return append(given);
    },
  });
  const { recorder } = await start(t, { log, boundsOf });
  recorder.sink(exchange({ keyId: 'a', keyType: 'personal' }));
  recorder.sink(exchange({ keyId: 'b', keyType: 'service' }));
  recorder.sink(exchange({ keyId: 'c', keyType: 'gone' }));
  await recorder.flush();
  t.strictSame(asked, ['personal', 'service', 'gone']);
  t.match(batches, [{ keyId: 'a', retentionMs: 5_000, maxEntries: 7 }]);
  t.equal(recorder.dropped, 0, 'what is not wanted is not missing');
});

t.test('what a client chose is bounded and without secrets', async (t) => {
  const { requests, recorder } = await start(t);
  const secret = newSecret('lk');
  const huge = 'x'.repeat(50_000);
  recorder.sink(exchange({ keyId: 'a', requestId: huge, path: `/p/${secret}`, userAgent: huge, method: huge }));
  await recorder.flush();
  const [entry] = (await requests.read({ keyId: 'a', limit: 5, order: 'oldest' })).entries;
  t.ok(JSON.stringify(entry).length < 1_000);
  t.notMatch(entry?.path, secret.slice(4));
  t.match(entry?.path, /secret/);
});

t.test('a second keeps so many entries and no more, and busy keys do not hide the others', async (t) => {
  const { recorder, idsOf } = await start(t, { maxEntries: 100 });
  for (let i = 0; i < 500; i++) recorder.sink(exchange({ keyId: 'busy', requestId: `b${i}` }));
  recorder.sink(exchange({ keyId: 'quiet', requestId: 'q' }));
  for (let i = 0; i < 60; i++) recorder.sink(exchange({ keyId: `other-${i}` }));
  t.equal(recorder.dropped, 450 + 11);
  await recorder.flush();
  t.equal((await idsOf('busy')).length, 50);
  t.strictSame(await idsOf('quiet'), ['q']);
  recorder.sink(exchange({ keyId: 'other-59' }));
  await recorder.flush();
  t.equal((await idsOf('other-59')).length, 1, 'the next second has room again');
});

t.test('entries that the store did not take are given up and counted', async (t) => {
  const { requests, recorder, troubles, idsOf } = await start(t);
  const append = requests.append.bind(requests);
  requests.append = () => Promise.reject(new StoreError('STORE_UNAVAILABLE', 'down'));
  for (let i = 0; i < 2; i++) {
    recorder.sink(exchange({ keyId: 'a' }));
    recorder.sink(exchange({ keyId: 'b' }));
    await recorder.flush();
  }
  t.equal(recorder.dropped, 4);
  requests.append = append;
  recorder.sink(exchange({ keyId: 'a', requestId: 'later' }));
  await recorder.flush();
  t.strictSame(await idsOf('a'), ['later']);
  t.match(troubles, [{ code: 'STORE_UNAVAILABLE' }, null]);
});

t.test('stopping writes what is left, and does not wait for ever', async (t) => {
  const { requests, recorder, timer, idsOf } = await start(t, { stopTimeoutMs: 10_000 });
  recorder.sink(exchange({ keyId: 'a', requestId: 'one' }));
  timer.tick();
  recorder.sink(exchange({ keyId: 'a', requestId: 'two' }));
  await recorder.stop();
  t.strictSame(await idsOf('a'), ['one', 'two']);
  requests.append = () => new Promise(() => {});
  const stuck = new LogRecorder({ log: requests, boundsOf: () => BOUNDS, repeat: timer.repeat, stopTimeoutMs: 10 });
  stuck.sink(exchange());
  await stuck.stop();
});
