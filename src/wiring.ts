/** Puts the pieces together. What is under wiring/ is the only part that knows every adapter. */
export { type Management, openManagement } from './wiring/management.ts';
export { type RunningServer, type ServerOptions, startServer } from './wiring/server.ts';
