/** Gateways whose management API is called as a script would call it. */
import t, { type Test } from 'tap';
import type { OpenApiDocument } from '../../src/management/openapi/index.ts';
import { cli } from '../cli/run.ts';
import type { Serving } from '../cli/serving.ts';
import { assertFits } from '../management/fits.ts';
import type { Site } from './site.ts';

/** An answer of the management API, which fits the document that it publishes. */
export interface ManagedAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Whatever the API said; the test knows what it asked for. */
  readonly body: Readonly<Record<string, unknown>>;
}

export interface CallOptions {
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** As text, it is sent as it is. */
  readonly body?: unknown;
}

/** The management API of one running gateway. */
export class Managed {
  readonly #url: string;
  readonly #token: string;
  readonly #document: OpenApiDocument;

  private constructor(url: string, token: string, document: OpenApiDocument) {
    this.#url = url;
    this.#token = token;
    this.#document = document;
  }

  /** Mints a token as an operator does, and reads the document. */
  static async of(site: Site, serving: Serving): Promise<Managed> {
    const token = await mint(site, 'root', 'admin:write');
    const document = (await (await fetch(`${serving.managementUrl}/openapi.json`)).json()) as OpenApiDocument;
    return new Managed(serving.managementUrl, token, document);
  }

  async call(method: string, path: string, options: CallOptions = {}): Promise<ManagedAnswer> {
    const { token = this.#token, headers = {}, body } = options;
    const answer = await fetch(`${this.#url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await answer.text();
    const parsed = text === '' ? undefined : (JSON.parse(text) as ManagedAnswer['body']);
    assertFits(this.#document, method, path.split('?', 1)[0] ?? '', answer.status, parsed);
    return { status: answer.status, headers: answer.headers, body: parsed ?? {} };
  }

  /** The entries of a followed log, as they come. */
  async *follow(path: string, signal: AbortSignal): AsyncGenerator {
    const answer = await fetch(`${this.#url}${path}`, { signal, headers: { authorization: `Bearer ${this.#token}` } });
    t.equal(answer.headers.get('content-type'), 'text/event-stream');
    let text = '';
    const decoder = new TextDecoder();
    for await (const chunk of answer.body as AsyncIterable<Uint8Array>) {
      text += decoder.decode(chunk, { stream: true });
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const data = /^data: (.*)$/m.exec(text.slice(0, end))?.[1];
        text = text.slice(end + 2);
        if (data !== undefined) yield JSON.parse(data);
      }
    }
  }
}

/** A token for the gateways of a site. */
export async function mint(site: Site, subject: string, ...permissions: readonly string[]): Promise<string> {
  const flags = permissions.flatMap((permission) => ['--permission', permission]);
  const { code, stdout, stderr } = await cli(['token', '--subject', subject, ...flags, '--config', site.file]);
  if (code !== 0) throw new Error(`latchkey token ended with ${code}: ${stderr}`);
  return stdout.trim();
}

/** Runs `audit verify` on the store of a site, and wants it to be whole. */
export async function auditIsWhole(test: Test, site: Site): Promise<void> {
  const { code, stdout, stderr } = await cli(['audit', 'verify', '--config', site.file]);
  test.equal(code, 0, `${stdout}${stderr}`);
}
