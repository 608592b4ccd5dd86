/** How long things take that happen to open WebSockets, in milliseconds. */
export interface Waits {
  /** How often open tunnels are looked at. With the time in which a change of a key is seen, it is below a second. */
  readonly recheckMs: number;
  /** How long both sides have to answer a Close before the tunnel is cut. */
  readonly closeMs: number;
  /** How long a tunnel of which one side has ended may be without a byte in the other direction. */
  readonly halfClosedMs: number;
  /**
   * The same, when it is the client that has ended, and neither side has sent a Close: no client that is still there does
   * that, so that all there is to wait for is that the upstream ends too.
   */
  readonly abandonedMs: number;
}

export const WAITS: Waits = { recheckMs: 500, closeMs: 2_000, halfClosedMs: 10_000, abandonedMs: 2_000 };
