import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t from 'tap';
import { FieldKind, REQUEST_NAMES } from '../../../src/gateway/fast/field-names.ts';
import { bytesOf, read } from './heads.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function usedBytes(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

t.test('what outlives a request keeps nothing else of its head in memory', async (t) => {
  const HEADS = 1000;
  const FILL_BYTES = 12_000;
  for (const name of ['User-Agent', 'x-request-id', 'X-Forwarded-For', 'Forwarded', 'the target', 'a name']) {
    const kept: (string | undefined)[] = [];
    const before = usedBytes();
    for (let i = 0; i < HEADS; i++) {
      const text = `GET /a/target/that/is/kept/${i} HTTP/1.1\r\nHost: a\r\n${name.replace(' ', '-')}: a value that is kept ${i}\r\nX: ${'v'.repeat(FILL_BYTES)}\r\n\r\n`;
      const head = read(text);
      if (typeof head === 'string') return t.fail(head);
      kept.push(name === 'the target' ? head.url : head.rawHeaders[name === 'a name' ? 2 : 3]);
    }
    const grown = usedBytes() - before;
    t.ok(grown < (HEADS * FILL_BYTES) / 4, `${name}: ${grown} bytes for ${kept.length}`);
  }
});

t.test('a name that is too long to be remembered does not get into what is remembered of another', async (t) => {
  const find = (name: string, hash: number): [FieldKind, string] => {
    const kind = REQUEST_NAMES.find(bytesOf(name), 0, name.length, hash);
    return [kind, REQUEST_NAMES.found];
  };
  // A hash that is small is the number of the place; the names' places are side by side.
  t.strictSame(find('Accept', 6), [FieldKind.ordinary, 'Accept']);
  const long = `${'x'.repeat(64)}Expect`;
  t.strictSame(find(long, 5), [FieldKind.ordinary, long]);
  t.strictSame(find('Expect', 6), [FieldKind.foreign, 'Expect']);
  t.strictSame(find('Accept', 6), [FieldKind.ordinary, 'Accept'], 'names that share a place are told apart');
});
