import type { Cluster, Redis } from 'ioredis';

/** What sends commands: to one server, or to whichever node of a cluster has the key. */
export type Client = Redis | Cluster;

/** How a client is connected, which is another matter for each topology. */
export interface Link {
  readonly client: Client;
  /** The connections that commands go over; those that are not ready included. */
  nodes(): readonly Redis[];
  /**
   * A further connection to the server that changes of keys are written to, not made yet, which does not come back by
   * itself once it is lost.
   *
   * @throws StoreError while it is not known which server that is
   */
  toKeys(timeoutMs: number): Redis;
  /** Whether a connection that `toKeys` gave is to the server that it would give one to now. */
  isToKeys(connection: Redis): boolean;
  /** Something got no answer: looks where the servers are by now. */
  inTrouble(): void;
  close(): void;
}
