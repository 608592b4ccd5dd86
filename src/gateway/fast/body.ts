/** Takes the body of a request as it comes: the upstream's side of it. */
export interface BodySink {
  /** Whether it holds on to bytes that it was given. */
  readonly holdsBytes: boolean;
  /**
   * @param chunk may be held on to
   * @returns whether more may follow at once; when not, nothing follows until `BodySource.resume`
   */
  bodyData(chunk: Buffer): boolean;
  /** All of it has come. */
  bodyEnd(): void;
}

/** The body of a request that has a length, as the client's connection gives it. */
export interface BodySource {
  /** Bytes that it has in all; above 0. */
  readonly length: number;
  /** Begins to give it, at once where it is there already. Called once. */
  flowTo(sink: BodySink): void;
  /** The sink takes more again. */
  resume(): void;
  /** The sink wants no more of it. What still comes is not its affair. */
  detach(): void;
}
