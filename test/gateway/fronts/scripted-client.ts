import { connect, type Socket } from 'node:net';
import type { Framing } from '../../support/http-bytes.ts';
import { type Activity, turn } from './activity.ts';
import { type ClientSends, cutAt, type FrontCase, PROBE } from './case.ts';
import { type Message, type MessageHead, MessageReader, valueOf } from './message.ts';

/** One answer, with the informational ones before it. */
export interface Answered extends Message {
  readonly informed: readonly MessageHead[];
}

/** Does what a case says on one connection, and keeps what it is answered. */
export class ScriptedClient {
  readonly answers: Answered[] = [];
  /** Heads of final answers that have come. */
  heads = 0;
  /** Whether the connection was still good for another request. */
  kept = false;
  closed = false;
  /** What came and is no answer. */
  rest = '';
  readonly #activity: Activity;
  readonly #socket: Socket;
  readonly #reader: MessageReader;
  readonly #methods: string[] = [];
  #connected = false;
  #informed: MessageHead[] = [];
  #informations = 0;
  #isEnding = false;
  #error: Error | null = null;

  constructor(port: number, from: string, activity: Activity) {
    this.#activity = activity;
    // A port that is bound to an address is one of few, and not free for a minute: long runs need more.
    const bound = from === '127.0.0.1' ? {} : { localAddress: from };
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true, ...bound });
    this.#socket.on('connect', () => {
      this.#connected = true;
    });
    this.#reader = new MessageReader(
      (head) => this.#framingOf(head),
      (head) => {
        if (isFinal(head)) this.heads++;
        else this.#informations++;
      },
      (message) => this.#came(message),
    );
    this.#socket.on('data', (data: Buffer) => {
      activity.mark();
      this.#reader.feed(data);
    });
    this.#socket.on('end', () => {
      this.#isEnding = true;
      activity.mark();
    });
    this.#socket.on('error', (error) => {
      this.#error = error;
    });
    this.#socket.on('close', () => {
      activity.mark();
      this.#isEnding = true;
      this.#reader.end(this.#error === null);
      this.rest = this.#reader.rest.toString('latin1');
      this.closed = true;
    });
  }

  cut(): void {
    this.#socket.destroy();
  }

  /** @param betweenRequests waited for before each request that is sent behind an answer */
  async run({ requests, pipelined, cuts }: FrontCase, betweenRequests: () => Promise<void>): Promise<void> {
    if (pipelined) await this.#send(requests, cuts, 0);
    else {
      for (const [i, request] of requests.entries()) {
        if (i > 0) await betweenRequests();
        if (this.#isEnding) break;
        await this.#send([request], cuts, request.heldBack);
      }
    }
    if (!this.#mustClose()) {
      await betweenRequests();
      await this.#probe();
    } else if (!requests.every(({ kind, answer }) => kind === 'plain' && answer.kind === 'plain')) {
      // The gateway may linger over a body that it throws away, for a client that still sends it. This one has done that.
      if (!(await this.#activity.untilQuiet(() => this.closed))) this.#socket.resetAndDestroy();
    }
    if (this.kept) this.#socket.end();
    await this.#activity.until('the end of the connection', () => this.closed);
    // That says nothing about a gateway.
    if (!this.#connected) throw this.#error ?? new Error('there was no connection');
  }

  async #send(requests: readonly ClientSends[], cuts: readonly number[], heldBack: number): Promise<void> {
    const text = requests.map((request) => request.text).join('');
    const due = this.answers.length + requests.length;
    const last = requests[requests.length - 1] as ClientSends;
    const isHostile = requests.some(({ kind, text }) => kind === 'hostile' || isLeftWaiting(text));
    const { heads } = this;
    const informations = this.#informations;
    for (const { text } of requests) this.#methods.push(methodOf(text));
    await this.#write(text.slice(0, text.length - heldBack), cuts);
    if (heldBack > 0) {
      const informed = (): boolean => !last.answer.early && this.#informations > informations;
      const came = (): boolean => this.heads > heads || informed() || this.#isEnding;
      await this.#settled(isHostile, came);
      await this.#write(text.slice(text.length - heldBack), []);
    }
    if (last.leaves) {
      this.#socket.end();
      await this.#activity.until('the end of a connection that the client left', () => this.closed);
      return;
    }
    await this.#settled(isHostile, () => this.answers.length >= due || this.#isEnding);
  }

  /**
   * Waits for what is due. A hostile request may leave the gateway waiting for more of it, having taken those behind it
   * for its body: then the client leaves.
   */
  async #settled(isHostile: boolean, holds: () => boolean): Promise<void> {
    if (!isHostile) return this.#activity.until('an answer', holds);
    if (await this.#activity.untilQuiet(holds)) return;
    this.#socket.end();
    await this.#activity.until('the end of a connection that the client left', () => this.closed);
  }

  async #write(text: string, cuts: readonly number[]): Promise<void> {
    const places = cuts.map((cut) => Math.floor((cut * text.length) / 10_000));
    for (const piece of cutAt(text, places)) {
      if (!this.#socket.writable) return;
      this.#activity.mark();
      this.#socket.write(piece, 'latin1');
      await turn();
    }
  }

  /** Whether what was answered says that this connection carries nothing more. */
  #mustClose(): boolean {
    const last = this.answers.at(-1);
    return this.#isEnding || (last !== undefined && /\bclose\b/i.test(valueOf(last, 'connection')));
  }

  async #probe(): Promise<void> {
    this.#methods.push('GET');
    const probed = (): boolean => this.answers.at(-1)?.body === 'probed';
    if (this.#socket.writable) this.#socket.write(PROBE, 'latin1');
    if (!(await this.#activity.untilQuiet(() => probed() || this.#isEnding))) {
      // It was taken for something else, or waits behind what has no answer.
      this.#socket.end();
      return;
    }
    if (!this.#isEnding && probed()) this.kept = true;
  }

  #framingOf(head: MessageHead): Framing {
    const status = Number(head.start.slice(9, 12));
    const method = this.#methods[this.answers.length];
    if (!isFinal(head) || method === 'HEAD' || status === 204 || status === 304) return { kind: 'length', left: 0 };
    if (valueOf(head, 'transfer-encoding') !== '') return { kind: 'chunked' };
    const length = valueOf(head, 'content-length');
    return length === '' ? { kind: 'close' } : { kind: 'length', left: Number(length) };
  }

  #came(message: Message): void {
    if (!isFinal(message)) {
      this.#informed.push({ start: message.start, fields: message.fields });
      return;
    }
    this.answers.push({ ...message, informed: this.#informed });
    this.#informed = [];
  }
}

/** node tells nobody of a broken chunk where the head has an Upgrade, so that such a body ends when its time is over. */
function isLeftWaiting(text: string): boolean {
  const head = text.slice(0, text.indexOf('\r\n\r\n'));
  return /^upgrade:/im.test(head) && /^transfer-encoding:/im.test(head);
}

/** @param text of a request; empty lines before it are none of it (RFC 9112 §2.2) */
function methodOf(text: string): string {
  const start = text.trimStart();
  return start.slice(0, start.indexOf(' '));
}

function isFinal(head: MessageHead): boolean {
  return !/^HTTP\/1\.1 1\d\d /.test(head.start);
}
