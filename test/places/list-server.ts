/** An HTTP server on a free port that publishes a list, and misbehaves as a test says. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Test } from 'tap';

export class ListServer {
  readonly url: string;
  /** The heads of the requests that came. */
  readonly asked: IncomingHttpHeaders[] = [];
  /** What answers the next requests. */
  answer: RequestListener = (_request, response) => response.end();

  private constructor(url: string) {
    this.url = url;
  }

  /** Ends with the test. */
  static async start(t: Test): Promise<ListServer> {
    const server = createServer((request, response) => {
      list.asked.push(request.headers);
      list.answer(request, response);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.teardown(async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    });
    const list: ListServer = new ListServer(`http://127.0.0.1:${(server.address() as AddressInfo).port}/exits`);
    return list;
  }

  /** Answers with a text from now on. */
  says(text: string, headers: Readonly<Record<string, string>> = {}, status = 200): void {
    this.answer = (_request, response) => response.writeHead(status, headers).end(text);
  }
}

/** So many addresses of IPv4, each on a line. */
export function addresses(count: number): string {
  return Array.from({ length: count }, (_, i) => `198.51.${i >> 8}.${i & 255}\n`).join('');
}
