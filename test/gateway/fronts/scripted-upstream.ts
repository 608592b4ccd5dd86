import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Activity } from './activity.ts';
import { turn } from './activity.ts';
import { type FrontCase, INDEX_HEADER, PLAIN_ANSWER, PROBE_TARGET, type UpstreamAnswer } from './case.ts';
import { type Message, type MessageHead, MessageReader, valueOf } from './message.ts';

const PROBED: UpstreamAnswer = { ...PLAIN_ANSWER, pieces: ['HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nprobed'] };

/** Answers each request of a case as that says, and keeps what it was sent. */
export class ScriptedUpstream {
  port = 0;
  /** Requests that came whole, and those that did not. */
  seen: Message[] = [];
  /** Bytes that came behind a whole request and are none. */
  leftovers: string[] = [];
  /** Heads that came. */
  heads = 0;
  readonly #activity: Activity;
  readonly #sockets = new Set<Socket>();
  readonly #ended = new Set<Socket>();
  #server: Server | null = null;
  #case: FrontCase | null = null;
  /** Whether the client has the head of the answer to the request of this index. */
  #clientHas: (index: number) => boolean = () => true;

  constructor(activity: Activity) {
    this.#activity = activity;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async listen(): Promise<void> {
    const server = createServer({ noDelay: true }, (socket) => this.#connected(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  begin(next: FrontCase, clientHas: (index: number) => boolean): void {
    this.#case = next;
    this.#clientHas = clientHas;
    this.seen = [];
    this.leftovers = [];
    this.heads = 0;
  }

  /** Resolves when no connection is left that this side has ended and the gateway still may think open. */
  async settled(): Promise<void> {
    await this.#activity.until('an upstream connection that the upstream ended', () => {
      for (const { closed } of this.#ended) if (!closed) return false;
      return true;
    });
  }

  /** Ends what is open, and waits until the gateway has seen it: the next case begins with no connection. */
  async finish(): Promise<void> {
    for (const socket of this.#sockets) this.#end(socket);
    await this.settled();
  }

  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => {
      if (this.#server === null) resolve();
      else this.#server.close(() => resolve());
    });
  }

  #connected(socket: Socket): void {
    const reader = new MessageReader(
      (head) => {
        if (valueOf(head, 'transfer-encoding') !== '') return { kind: 'chunked' };
        return { kind: 'length', left: Number(valueOf(head, 'content-length')) };
      },
      (head) => {
        this.heads++;
        if (this.#answerTo(head).early) void this.#answer(socket, head);
      },
      (message) => {
        this.seen.push(message);
        if (message.whole && !this.#answerTo(message).early) void this.#answer(socket, message);
      },
    );
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (data: Buffer) => {
      this.#activity.mark();
      reader.feed(data);
    });
    socket.on('close', () => {
      this.#activity.mark();
      reader.end(false);
      if (reader.rest.length > 0) this.leftovers.push(reader.rest.toString('latin1'));
      this.#sockets.delete(socket);
      this.#ended.delete(socket);
    });
  }

  #answerTo(head: MessageHead): UpstreamAnswer {
    if (head.start.includes(PROBE_TARGET)) return PROBED;
    return this.#case?.requests[Number(valueOf(head, INDEX_HEADER.toLowerCase()) || -1)]?.answer ?? PLAIN_ANSWER;
  }

  async #answer(socket: Socket, head: MessageHead): Promise<void> {
    const answer = this.#answerTo(head);
    const index = Number(valueOf(head, INDEX_HEADER.toLowerCase()));
    for (const [i, piece] of answer.pieces.entries()) {
      // What breaks an answer off must not overtake what came of it: then chance would say what the client sees.
      if (i === 1 && answer.waits) await this.#activity.untilQuiet(() => this.#clientHas(index));
      else if (i > 0) await turn();
      if (!socket.writable) return;
      this.#activity.mark();
      socket.write(piece, 'latin1');
    }
    if (answer.after === 'keep' || socket.destroyed) return;
    if (answer.waits) await this.#activity.untilQuiet(() => this.#clientHas(index));
    if (answer.after === 'end') return this.#end(socket);
    if (socket.destroyed) return;
    this.#ended.add(socket);
    socket.resetAndDestroy();
  }

  #end(socket: Socket): void {
    if (socket.destroyed) return;
    this.#activity.mark();
    this.#ended.add(socket);
    socket.end();
  }
}
