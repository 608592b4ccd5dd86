import type { OutgoingHttpHeaders } from 'node:http';

export interface Result {
  readonly status: number;
  /** null: no body. */
  readonly body: unknown;
  readonly headers?: OutgoingHttpHeaders;
}

type Fields = Readonly<Record<string, unknown>>;

/** Items of one kind that are kept at most; one more is refused. */
const MAX_ITEMS = 1_000;
/** Characters of JSON that all items of one kind may have together. */
const MAX_CHARACTERS = 4_000_000;

const SEED: Readonly<Record<string, readonly Fields[]>> = {
  domains: [
    { name: 'example.com', registrar: 'Example Registrar', expires: '2031-05-01' },
    { name: 'example.org', registrar: 'Example Registrar', expires: '2029-11-15' },
  ],
  devices: [
    { name: 'edge-1', address: '192.0.2.11', online: true },
    { name: 'edge-2', address: '192.0.2.12', online: false },
  ],
  incidents: [{ title: 'edge-2 does not answer', severity: 'high', open: true }],
  services: [
    { name: 'web', port: 443 },
    { name: 'mail', port: 25 },
  ],
  reports: [{ title: 'Availability of last month', percent: 99.95 }],
};

/** The demo's data: a few kinds of things, each with the usual verbs. */
export class Collections {
  readonly #byName = new Map(Object.entries(SEED).map(([name, items]) => [name, new Collection(items)]));

  find(name: string): Collection | null {
    return this.#byName.get(name) ?? null;
  }
}

export class Collection {
  readonly #items = new Map<string, string>();
  #characters = 0;
  #lastId = 0;

  constructor(items: readonly Fields[]) {
    for (const item of items) this.#create(item);
  }

  /**
   * @param id   null: the request is for the collection itself
   * @param body null: the method has none
   */
  answer(method: string, id: string | null, body: Fields | null): Result {
    const asked = method === 'HEAD' ? 'GET' : method;
    if (id === null) {
      if (asked === 'GET') return { status: 200, body: { items: [...this.#items.values()].map(parse) } };
      if (asked === 'POST' && body !== null) return this.#create(body);
      return notAllowed('GET, HEAD, POST');
    }
    const stored = this.#items.get(id);
    if (stored === undefined) return { status: 404, body: { error: 'not_found' } };
    if (asked === 'GET') return { status: 200, body: parse(stored) };
    if (asked === 'PUT' && body !== null) return this.#store(id, body, 200);
    if (asked === 'PATCH' && body !== null) return this.#store(id, { ...parse(stored), ...body }, 200);
    if (asked === 'DELETE') return this.#delete(id, stored);
    return notAllowed('GET, HEAD, PUT, PATCH, DELETE');
  }

  #create(fields: Fields): Result {
    if (this.#items.size >= MAX_ITEMS) return FULL;
    const id = String(this.#lastId + 1);
    const result = this.#store(id, fields, 201);
    if (result.status === 201) this.#lastId += 1;
    return result;
  }

  /** Kept as text, so that no request can change what another is reading and the size is known. */
  #store(id: string, fields: Fields, status: number): Result {
    const text = JSON.stringify({ ...fields, id });
    const characters = this.#characters - (this.#items.get(id)?.length ?? 0) + text.length;
    if (characters > MAX_CHARACTERS) return FULL;
    this.#items.set(id, text);
    this.#characters = characters;
    return { status, body: parse(text) };
  }

  #delete(id: string, stored: string): Result {
    this.#items.delete(id);
    this.#characters -= stored.length;
    return { status: 204, body: null };
  }
}

const FULL: Result = { status: 507, body: { error: 'demo_is_full' } };

function notAllowed(allow: string): Result {
  return { status: 405, body: { error: 'method_not_allowed' }, headers: { allow } };
}

function parse(text: string): Fields {
  return JSON.parse(text) as Fields;
}
