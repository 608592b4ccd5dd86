import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { LogOutput } from '../../src/observe/log-output.ts';

const CHATTY = fileURLToPath(new URL('chatty.ts', import.meta.url));

function chatty(t: Test, how: string, lines: number): ChildProcess & { stdout: Readable } {
  const child = spawn(process.execPath, [CHATTY, how, String(lines)], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  t.teardown(() => child.kill('SIGKILL'));
  return child as ChildProcess & { stdout: Readable };
}

async function linesOf(stream: Readable): Promise<{ n: number; pid: number; msg: string }[]> {
  const lines = [];
  for await (const line of createInterface({ input: stream })) lines.push(JSON.parse(line));
  return lines;
}

t.test('what was logged before process.exit is written', async (t) => {
  const child = chatty(t, 'exit', 100);
  const lines = await linesOf(child.stdout);
  t.strictSame(
    lines.map(({ n }) => n),
    Array.from({ length: 100 }, (_, n) => n),
  );
});

t.test('a reader that stalls costs lines, but no memory, and does not keep the process from ending', async (t) => {
  const child = chatty(t, 'stalled', 50_000);
  const exited = once(child, 'exit');
  const [{ dropped, rss }] = await once(child, 'message');
  t.ok(dropped > 40_000, `${dropped} lines were dropped and counted`);
  t.ok(rss < 250 * 1024 * 1024, `resident: ${rss}`);
  const [code] = await exited;
  t.equal(code, 0, 'it ended, although nobody ever read');
});

t.test('a reader that is slow gets every line that was not counted as dropped, whole and in order', async (t) => {
  const child = chatty(t, 'slow', 5_000);
  const [{ dropped }] = await once(child, 'message');
  const lines = await linesOf(child.stdout);
  t.ok(dropped > 0, 'some were dropped');
  t.equal(lines.length + dropped, 5_000);
  t.ok(lines.every(({ n }, i) => i === 0 || n > (lines[i - 1]?.n ?? n)));
});

t.test('a reader that goes away does not end the process', async (t) => {
  const child = chatty(t, 'gone', 0);
  await once(child, 'message');
  child.stdout.destroy();
  await once(child.stdout, 'close');
  let dropped = 0;
  for (let i = 0; i < 3; i++) {
    child.send('log');
    [{ dropped }] = await once(child, 'message');
  }
  t.equal(dropped, 3);
  t.equal(child.exitCode, null);
});

t.test('lines of processes that share one pipe never mix', async (t) => {
  const start = `"${process.execPath}" "${CHATTY}" shared 4000`;
  const shell = spawn('sh', ['-c', `${start} & ${start} & wait`], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => shell.kill('SIGKILL'));
  const lines = await linesOf(shell.stdout);
  t.equal(new Set(lines.map(({ pid }) => pid)).size, 2);
  t.ok(lines.every(({ msg }) => msg === 'line'));
});

t.test('lines share writes, and none is larger than a pipe takes in one piece', async (t) => {
  const sizes: number[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      sizes.push(chunk.length);
      setImmediate(done);
    },
  });
  const output = new LogOutput(stream);
  for (let i = 0; i < 1000; i++) output.write(`${'é'.repeat(100)}\n`);
  t.equal(output.waitingBytes, 201_000);
  await output.drain(10_000);
  t.equal(sizes.length, 50);
  t.ok(sizes.every((size) => size <= 4096));
  t.equal(output.waitingBytes, 0);
  output.write(`${'x'.repeat(10_000)}\n`);
  await output.drain(10_000);
  t.equal(sizes.at(-1), 10_001, 'a longer line goes alone');
});

t.test('a line that stays alone is written all the same', async (t) => {
  const { promise: written, resolve } = Promise.withResolvers<void>();
  const stream = new Writable({
    write(_chunk, _encoding, done) {
      done();
      resolve();
    },
  });
  const output = new LogOutput(stream);
  const hold = setTimeout(() => {}, 30_000);
  output.write('one\n');
  await written;
  clearTimeout(hold);
  t.equal(output.dropped, 0);
});

t.test('draining gives up on a stream that takes nothing', async (t) => {
  const output = new LogOutput(new Writable({ write: () => {} }));
  output.write('one\n');
  await Promise.all([output.drain(10), output.drain(10)]);
  t.equal(output.waitingBytes, 4, 'the line still waits');
});

t.test('after a failed write lines are dropped and counted, until writing works again', async (t) => {
  let isFull = true;
  const written: string[] = [];
  // Standard output behaves so: a failed write does not end it.
  const destination = {
    on: () => {},
    write(bytes: Buffer, done?: (error?: Error) => void) {
      if (!isFull) written.push(bytes.toString());
      setImmediate(() => (isFull ? done?.(new Error('ENOSPC')) : done?.()));
    },
  };
  const output = new LogOutput(destination, { retryMs: 1 });
  output.write('one\n');
  output.write('two\n');
  await output.drain(1000);
  output.write('three\n');
  t.equal(output.dropped, 3);
  isFull = false;
  while (written.length === 0) {
    await new Promise((resolve) => setTimeout(resolve, 2));
    output.write('four\n');
    await output.drain(1000);
  }
  t.equal(written[0], 'four\n');
});
