/**
 * All that a decision may look at. No HTTP library leaks into it, so that any front (node:http, a faster one, another
 * proxy's subrequest) uses the same checks and gets the same verdict.
 */
export interface RequestView {
  /** Upper-case method token. */
  readonly method: string;
  /** The canonical path (see core/target.ts), without the query. */
  readonly path: string;
  /** The client's address as text, IPv4-mapped forms already unmapped. */
  readonly address: string;
  /** When the request's head was complete, in milliseconds since the epoch. */
  readonly at: number;
  /** The value of a header by its lower-case name; undefined when absent. */
  header(name: string): string | undefined;
}
