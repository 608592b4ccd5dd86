/** Tells its parent every so often, at finer distances than timers have. workerData: milliseconds between. */
import { parentPort, workerData } from 'node:worker_threads';

const never = new Int32Array(new SharedArrayBuffer(4));
const everyMs = Number(workerData);
for (;;) {
  Atomics.wait(never, 0, 0, everyMs);
  parentPort?.postMessage(0, []);
}
