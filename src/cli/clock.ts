/** What "in 90 days" or "an hour ago" counts from. */
export { systemClock as machineClock } from '../wiring/clock.ts';
