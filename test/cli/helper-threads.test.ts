/** What V8 does beside requests gives way to them. As Linux tells of it. */
import { readdirSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import t from 'tap';
import { folder } from './run.ts';
import { ANYWHERE, serve } from './serving.ts';

const UPSTREAM = ['--upstream', 'http://127.0.0.1:9'];

/** The niceness of each thread of a process, by its number, with its name. */
function threadsOf(pid: number): { thread: number; name: string; niceness: number }[] {
  return readdirSync(`/proc/${pid}/task`).map((thread) => {
    const name = readFileSync(`/proc/${pid}/task/${thread}/comm`, 'utf8').trim();
    return { thread: Number(thread), name, niceness: getPriority(Number(thread)) };
  });
}

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}

const LINUX = process.platform === 'linux';

for (const workers of LINUX ? [1, 2] : []) {
  t.test(`threads that mark garbage and compile give way to the one that serves, of ${workers}`, async (t) => {
    const serving = await serve(t, [...UPSTREAM, ...ANYWHERE, '--workers', `${workers}`], { cwd: folder(t) });
    const { pid = 0 } = serving.child;
    const gateways = workers === 1 ? [pid] : childrenOf(pid);
    t.equal(gateways.length, workers);
    const own = getPriority();
    for (const gateway of gateways) {
      const threads = threadsOf(gateway);
      t.equal(threads.find(({ thread }) => thread === gateway)?.niceness, own, 'who serves is as before');
      const helpers = threads.filter(({ name }) => name.includes('V8Worker'));
      t.ok(helpers.length > 0, `${helpers.length} helpers`);
      t.ok(own < 19, 'there is room above it');
      t.strictSame(new Set(helpers.map(({ niceness }) => niceness)), new Set([Math.min(19, own + 10)]));
    }
  });
}
