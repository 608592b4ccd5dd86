/** A process that logs on demand, for tests that need a real standard output: `chatty.ts <how> <lines>`. */
import { setImmediate } from 'node:timers/promises';
import { createLogger } from '../../src/observe/logger.ts';

const [how, count] = process.argv.slice(2) as [string, string];
const lines = Number(count);
const log = createLogger(
  { level: 'info', format: 'json', requests: true },
  { stdoutIsTerminal: false, maxWaitingBytes: 256 * 1024, retryMs: 1 },
);

function say(n: number): void {
  log.logger.info({ n, pid: process.pid, text: 'é'.repeat(50 + (n % 300)) }, 'line');
}

async function sayAll(): Promise<void> {
  for (let n = 0; n < lines; n++) {
    say(n);
    // Some at a time, as requests come.
    if (n % 20 === 0) await setImmediate();
  }
}

switch (how) {
  case 'exit':
    // All of it at once, and gone.
    for (let n = 0; n < lines; n++) say(n);
    process.exit(0);
    break;
  case 'stalled':
    // The other end reads nothing: this must end all the same.
    await sayAll();
    process.send?.({ dropped: log.dropped(), rss: process.memoryUsage().rss });
    await log.close();
    process.exit(0);
    break;
  case 'slow':
    // The other end reads after it was told, and then everything that was kept must come.
    await sayAll();
    process.send?.({ dropped: log.dropped() });
    await log.close();
    break;
  case 'gone':
    // The other end closes: each question is answered by how many lines were dropped.
    process.on('message', () => {
      say(0);
      setTimeout(() => process.send?.({ dropped: log.dropped() }), 100);
    });
    process.send?.({ dropped: 0 });
    break;
  case 'shared':
    await sayAll();
    await log.close();
    break;
  default:
    throw new Error(`unknown: ${how}`);
}
