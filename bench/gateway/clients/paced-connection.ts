import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export type OnAnswer = (connection: PacedConnection, number: number, good: boolean) => void;

const END_OF_HEAD = '\r\n\r\n';
const LENGTH = 'content-length:';

/** A connection with at most one request under way. An answer must have a Content-Length. */
export class PacedConnection {
  readonly #socket: Socket;
  readonly #onAnswer: OnAnswer;
  #number = -1;
  #received = '';

  private constructor(socket: Socket, onAnswer: OnAnswer) {
    this.#socket = socket;
    this.#onAnswer = onAnswer;
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => this.#read(text));
    socket.on('error', () => socket.destroy());
  }

  static async open(port: number, onAnswer: OnAnswer): Promise<PacedConnection> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    return new PacedConnection(socket, onAnswer);
  }

  /** A connection that broke answers nothing more: what was asked on it is missing in the end. */
  send(request: string, number: number): void {
    this.#number = number;
    this.#socket.write(request, 'latin1');
  }

  #read(text: string): void {
    this.#received += text;
    const end = this.#received.indexOf(END_OF_HEAD);
    if (end < 0) return;
    const head = this.#received.slice(0, end).toLowerCase();
    const at = head.indexOf(LENGTH);
    const length = at < 0 ? 0 : Number.parseInt(head.slice(at + LENGTH.length, at + LENGTH.length + 12), 10);
    if (this.#received.length < end + END_OF_HEAD.length + length) return;
    this.#received = '';
    this.#onAnswer(this, this.#number, head.startsWith('http/1.1 200 ') && at >= 0);
  }
}
