import { BodyReader, type Framing } from '../../support/http-bytes.ts';

/** A head as it came, name by name; blanks around a value are no part of it. */
export interface MessageHead {
  readonly start: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
}

export interface Message extends MessageHead {
  readonly body: string;
  /** Whether it came whole by its own framing. */
  readonly whole: boolean;
  /** What was odd about its chunks; null: nothing. */
  readonly oddity: string | null;
}

export function readHead(text: string): MessageHead {
  const [start = '', ...lines] = text.split('\r\n');
  const fields = lines.map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).replaceAll(/^[ \t]+|[ \t]+$/g, '')];
  });
  return { start, fields };
}

/** Values of a header, joined; '' when it is absent. */
export function valueOf({ fields }: MessageHead, name: string): string {
  return fields
    .filter(([key]) => key === name)
    .map(([, value]) => value)
    .join(', ');
}

/** Takes messages out of a stream of bytes, one behind the other. */
export class MessageReader {
  /** What came behind the last message and is none yet. */
  rest: Buffer = Buffer.alloc(0);
  readonly #framing: (head: MessageHead) => Framing;
  readonly #onHead: (head: MessageHead) => void;
  readonly #onMessage: (message: Message) => void;
  #head: MessageHead | null = null;
  #body: BodyReader | null = null;
  #framingKind: Framing['kind'] = 'length';

  /**
   * @param framing   how the body behind a head ends
   * @param onHead    called with each head that came
   * @param onMessage called with each message that came whole, and in `end` with one that did not
   */
  constructor(
    framing: (head: MessageHead) => Framing,
    onHead: (head: MessageHead) => void,
    onMessage: (message: Message) => void,
  ) {
    this.#framing = framing;
    this.#onHead = onHead;
    this.#onMessage = onMessage;
  }

  feed(data: Buffer): void {
    this.rest = this.rest.length === 0 ? data : Buffer.concat([this.rest, data]);
    for (;;) {
      if (this.#head === null) {
        const end = this.rest.indexOf('\r\n\r\n');
        if (end < 0) return;
        const head = readHead(this.rest.toString('latin1', 0, end));
        const framing = this.#framing(head);
        this.rest = this.rest.subarray(end + 4);
        this.#head = head;
        this.#framingKind = framing.kind;
        this.#body = new BodyReader(framing);
        this.#onHead(head);
      }
      const body = this.#body as BodyReader;
      this.rest = body.feed(this.rest);
      if (!body.done) return;
      this.#done(true);
      if (this.rest.length === 0) return;
    }
  }

  /** Nothing more comes. @param orderly whether that can be the end of a body that ends with the connection */
  end(orderly: boolean): void {
    if (this.#head !== null) this.#done(orderly && this.#framingKind === 'close');
  }

  #done(whole: boolean): void {
    const head = this.#head as MessageHead;
    const body = this.#body as BodyReader;
    this.#head = null;
    this.#body = null;
    this.#onMessage({ ...head, body: body.text, whole, oddity: body.oddity });
  }
}
