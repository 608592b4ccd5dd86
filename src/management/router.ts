import type { Endpoint } from './endpoint.ts';
import { ManagementError } from './failures.ts';

/** A public page: answered to GET, without a token. */
export interface Document {
  /** Like `/openapi.json`. */
  readonly path: string;
  /** For Content-Type. */
  readonly type: string;
  /** Further headers, like a Content-Security-Policy. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: () => string | Buffer;
}

/** What a method and a path lead to. */
export type Found =
  | { readonly kind: 'endpoint'; readonly endpoint: Endpoint; readonly params: Readonly<Record<string, string>> }
  | { readonly kind: 'document'; readonly document: Document }
  /** The method that asks which others there are. */
  | { readonly kind: 'options'; readonly allow: string };

interface Node {
  readonly literals: Map<string, Node>;
  parameter: Node | null;
  readonly endpoints: Map<string, Endpoint>;
  document: Document | null;
}

const PARAMETER = /^\{(\w+)\}$/;

/** Finds what a path leads to: segment by segment, literal over parameter, like the routes of the gateway. */
export class Router {
  readonly #root = newNode();

  /** @throws Error when two of them claim the same method and path: a mistake in the program. */
  constructor(endpoints: readonly Endpoint[], documents: readonly Document[]) {
    for (const endpoint of endpoints) {
      const node = this.#nodeFor(endpoint.path);
      if (node.endpoints.has(endpoint.method)) throw new Error(`two endpoints for ${endpoint.method} ${endpoint.path}`);
      node.endpoints.set(endpoint.method, endpoint);
    }
    for (const document of documents) {
      const node = this.#nodeFor(document.path);
      if (isUsed(node)) throw new Error(`two things at ${document.path}`);
      node.document = document;
    }
  }

  /**
   * @param segments of the path, decoded
   * @throws ManagementError not_found, or a MethodNotAllowed
   */
  find(method: string, segments: readonly string[]): Found {
    const values: string[] = [];
    const node = descend(this.#root, segments, 0, values);
    if (node === null)
      throw new ManagementError('not_found', 'This path leads nowhere; /openapi.json lists those that do.');
    if (method === 'OPTIONS') return { kind: 'options', allow: allowed(node) };
    const asked = method === 'HEAD' ? 'GET' : method;
    if (node.document !== null && asked === 'GET') return { kind: 'document', document: node.document };
    const endpoint = node.endpoints.get(asked);
    if (endpoint === undefined) throw new MethodNotAllowed(allowed(node));
    return { kind: 'endpoint', endpoint, params: paramsOf(endpoint, values) };
  }

  #nodeFor(path: string): Node {
    let node = this.#root;
    for (const segment of path.slice(1).split('/')) {
      if (PARAMETER.test(segment)) {
        node.parameter ??= newNode();
        node = node.parameter;
        continue;
      }
      const child = node.literals.get(segment) ?? newNode();
      node.literals.set(segment, child);
      node = child;
    }
    return node;
  }
}

/** The path is there for other methods. */
export class MethodNotAllowed extends ManagementError {
  /** For Allow. */
  readonly allow: string;
  constructor(allow: string) {
    super('method_not_allowed', `Expected ${allow.replace(', OPTIONS', '')}.`);
    this.allow = allow;
  }
}

function newNode(): Node {
  return { literals: new Map(), parameter: null, endpoints: new Map(), document: null };
}

function isUsed(node: Node): boolean {
  return node.document !== null || node.endpoints.size > 0;
}

/** @param values collects what stands for parameters, in order */
function descend(node: Node, segments: readonly string[], index: number, values: string[]): Node | null {
  const segment = segments[index];
  if (segment === undefined) return isUsed(node) ? node : null;
  const literal = node.literals.get(segment);
  const found = literal === undefined ? null : descend(literal, segments, index + 1, values);
  // A parameter stands for a segment that is there.
  if (found !== null || node.parameter === null || segment === '') return found;
  values.push(segment);
  const below = descend(node.parameter, segments, index + 1, values);
  if (below === null) values.pop();
  return below;
}

function allowed({ endpoints, document }: Node): string {
  const methods = new Set(document === null ? endpoints.keys() : ['GET']);
  if (methods.has('GET')) methods.add('HEAD');
  return [...methods, 'OPTIONS'].join(', ');
}

function paramsOf(endpoint: Endpoint, values: readonly string[]): Record<string, string> {
  const names = endpoint.path.split('/').flatMap((segment) => PARAMETER.exec(segment)?.[1] ?? []);
  return Object.fromEntries(names.map((name, index) => [name, values[index] ?? '']));
}
