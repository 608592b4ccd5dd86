import type { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { type buildConnector, Client, type Dispatcher } from 'undici';

/** What an exchange must know of the connection that it was sent on, and undici does not say. */
export interface Link {
  /** Answers that arrived whole on this connection: above 0, it is a reused one. */
  answered: number;
  /** The error that ended the connection; null while there was none. undici takes a reset for an end in some answers. */
  broken: Error | null;
}

/** A handler that is told which connection it was given. */
export interface LinkedHandler extends Dispatcher.DispatchHandler {
  link: Link | null;
}

/** One connection of a pool. It counts what was answered on it and keeps the error that broke it. */
export class UpstreamConnection extends Client {
  readonly #link: Link;

  constructor(origin: URL, options: Client.Options, connect: buildConnector.connector) {
    const link: Link = { answered: 0, broken: null };
    super(origin, { ...options, connect: watched(connect, link) });
    this.#link = link;
    // What a handler throws while it is told of a failure is emitted here; unheard it would end the process.
    asEmitter(this).on('error', ignore);
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    if (isLinked(handler)) handler.link = this.#link;
    return super.dispatch(options, handler);
  }
}

function ignore(): void {}

/** undici's types leave this event out. */
function asEmitter(client: EventEmitter): EventEmitter {
  return client;
}

function isLinked(handler: Dispatcher.DispatchHandler): handler is LinkedHandler {
  return 'link' in handler;
}

/** Listens for errors before undici does, so that the link knows of one when undici reports what it made of it. */
function watched(connect: buildConnector.connector, link: Link): buildConnector.connector {
  return (options, callback) => {
    connect(options, (...result: [null, Socket] | [Error, null]) => {
      if (result[0] !== null) return callback(result[0], null);
      const socket = result[1];
      link.answered = 0;
      link.broken = null;
      socket.prependListener('error', (error) => {
        link.broken = error;
      });
      callback(null, socket);
    });
  };
}
