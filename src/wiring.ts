/** Puts the pieces together. What is under wiring/ is the only part that knows every adapter. */
export { helpersYield } from './wiring/helper-threads.ts';
export { type Management, openManagement } from './wiring/management.ts';
export type { RunningServer, RunningWorker, ServerOptions } from './wiring/running.ts';
export { startServer, startWorker } from './wiring/server.ts';
