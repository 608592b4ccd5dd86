import type { Exchange, ExchangeSink } from '../core/exchange.ts';

let failures = 0;

/** Exchanges of which this process could not tell, because what is told of them failed. */
export function failedTellings(): number {
  return failures;
}

/** Tells of an exchange that has ended. What the listener does wrong never reaches a client; it is counted. */
export function tell(sink: ExchangeSink, exchange: Exchange): void {
  try {
    sink(exchange);
  } catch {
    // The listener's contract forbids it, so it is a mistake of ours that only the metrics can show.
    failures++;
  }
}
