/** What becomes of a connection beyond its requests. `Connection` is its type, which is defined in terms of this. */
export interface FastConnectionOwner<Connection> {
  /** `Connection` and `Keep-Alive` of an answer that leaves the connection open, and the end of its head. */
  readonly keepAliveText: string;
  /** Requests that were begun. The connections count them. */
  served: number;
  /** A request in another form has come, or begins to: `unread` is all of it that is there. Nothing reads the socket now. */
  handOver(connection: Connection, unread: Buffer): void;
  /** A request's head has not come in time. */
  headIsLate(connection: Connection): void;
  /** It has ended, or was handed over. */
  left(connection: Connection): void;
}
