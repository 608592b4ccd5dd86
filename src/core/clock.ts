/** The one source of time. Everything that compares a time takes a Clock, so that tests can turn it. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
}
