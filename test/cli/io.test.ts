/** The real streams, in a process of their own. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import t from 'tap';

const IO = new URL('../../src/cli/io.ts', import.meta.url).href;

t.test('what a terminal would act on is escaped, and JSON stays the same JSON', async (t) => {
  const value = { agent: '\u009b31mred\u0085\u007f\u202e é 漢' };
  const program = `
    import { systemIo } from ${JSON.stringify(IO)};
    const io = systemIo();
    const text = JSON.stringify(JSON.parse(process.argv[1]));
    io.out(text);
    await io.deliver(text);`;
  const args = ['--input-type=module', '-e', program, '--', JSON.stringify(value)];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const lines = stdout.trimEnd().split('\n');
  t.equal(lines.length, 2);
  for (const line of lines) {
    t.notMatch(line, /[\u007f-\u009f\u202e]/);
    t.match(line, 'é 漢');
    t.strictSame(JSON.parse(line), value);
  }
});
