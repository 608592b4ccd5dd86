/** What a worker's process runs. */
import { Worker } from './worker.ts';

new Worker().run();
