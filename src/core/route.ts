import { wildcardOf } from './permission.ts';
import { canonicalTarget, isFault } from './target.ts';

/**
 * The permission-to-route map as a tree of path segments, so that finding a route costs the same for ten routes and for
 * ten thousand. The most specific pattern decides: segment by segment from the left, literal over `:name` over `/*`,
 * and for one pattern a named method over `*`. What no pattern names is not found.
 */
export type Access = 'public' | 'any_key' | 'permission';

export interface Route {
  /** As written, like `GET /api/domains/:id`. The label for metrics and logs. */
  readonly pattern: string;
  readonly access: Access;
  /** Any one of these opens it; empty unless access is `permission`. */
  readonly permissions: readonly string[];
  /** Of each of them, in the same order, the wildcard that covers it. */
  readonly wildcards: readonly string[];
}

export interface RouteSource {
  readonly public: readonly string[];
  readonly anyKey: readonly string[];
  readonly permissions: Readonly<Record<string, readonly string[]>>;
}

/** Why a pattern cannot be used: `reason` is a sentence fragment, like `must start with "/"`. */
export class PatternError extends Error {
  readonly pattern: string;
  constructor(pattern: string, reason: string) {
    super(reason);
    this.name = 'PatternError';
    this.pattern = pattern;
  }
}

export interface RoutePattern {
  /** Upper-case token, or `*` for any. */
  readonly method: string;
  /** Literal segments and `:name`s, without the trailing `*`. */
  readonly segments: readonly string[];
  /** Whether it ends in `/*`: this path and all below it. */
  readonly below: boolean;
}

const METHOD = /^(?:\*|[A-Z][A-Z-]{0,31})$/;
const LITERAL = /^(?:[A-Za-z0-9._~!$&'()+,=:@-]|%[0-9A-Fa-f]{2})+$/;
const PARAMETER = /^:[A-Za-z_][A-Za-z0-9_]{0,63}$/;
/** Bounds of a pattern; a request that is longer matches only what ends in `/*`. */
const MAX_SEGMENTS = 64;

/**
 * Reads `METHOD /path`.
 * @throws PatternError when it is not one.
 */
export function parsePattern(text: string): RoutePattern {
  const space = text.indexOf(' ');
  if (space < 0) throw new PatternError(text, 'expected "METHOD /path", like "GET /api/domains/:id"');
  const method = text.slice(0, space);
  const path = text.slice(space + 1).trim();
  if (!METHOD.test(method)) {
    throw new PatternError(text, `"${method}" is not a method: expected upper-case letters, like GET, or * for any`);
  }
  if (!path.startsWith('/')) throw new PatternError(text, 'the path must start with "/"');
  const below = path.endsWith('/*');
  const base = below ? path.slice(0, -2) : path;
  const segments = base === '' ? [] : base.slice(1).split('/');
  if (segments.length > MAX_SEGMENTS) throw new PatternError(text, `a path has at most ${MAX_SEGMENTS} segments`);
  for (const [index, segment] of segments.entries()) {
    const last = index === segments.length - 1;
    if (segment === '' && last && !below) continue; // "/" itself, or a trailing slash
    checkSegment(text, segment);
  }
  return { method, segments, below };
}

function checkSegment(text: string, segment: string): void {
  if (segment === '') throw new PatternError(text, 'empty segments ("//") never match a request');
  if (segment === '.' || segment === '..') throw new PatternError(text, 'dot segments never match a request');
  if (segment.startsWith(':')) {
    if (!PARAMETER.test(segment)) {
      throw new PatternError(text, `"${segment}" is not a parameter: expected ":" and a name of letters and digits`);
    }
    return;
  }
  if (segment.includes('*')) throw new PatternError(text, '"*" may stand only for the whole last segment, as in "/*"');
  if (!LITERAL.test(segment)) {
    throw new PatternError(text, `"${segment}" has characters that a canonical path never has; percent-encode them`);
  }
  // Requests are compared in canonical form; a pattern in any other would silently never match.
  const target = canonicalTarget(`/${segment}`, { allowPathParameters: true });
  if (isFault(target)) throw new PatternError(text, `"${segment}" never matches a request. ${target.fault}`);
  const canonical = target.path.slice(1);
  if (canonical !== segment) throw new PatternError(text, `"${segment}" must be written "${canonical}"`);
}

interface Node {
  readonly literals: Map<string, Node>;
  parameter: Node | null;
  /** Methods of patterns that end here. */
  readonly exact: Map<string, MutableRoute>;
  /** Methods of patterns that end here with `/*`. */
  readonly below: Map<string, MutableRoute>;
}

interface MutableRoute {
  pattern: string;
  access: Access;
  permissions: string[];
  wildcards: string[];
}

function newNode(): Node {
  return { literals: new Map(), parameter: null, exact: new Map(), below: new Map() };
}

export class RouteTable {
  readonly #root = newNode();
  readonly #routes: MutableRoute[] = [];

  /** @throws PatternError on a pattern that is not one, or that two kinds of access claim. */
  constructor(source: RouteSource) {
    for (const pattern of source.public) this.#add(pattern, 'public', null);
    for (const pattern of source.anyKey) this.#add(pattern, 'any_key', null);
    for (const [permission, patterns] of Object.entries(source.permissions)) {
      for (const pattern of patterns) this.#add(pattern, 'permission', permission);
    }
  }

  /** Every route, in the order in which it was first named. */
  get routes(): readonly Route[] {
    return this.#routes;
  }

  /**
   * The most specific route for a method and a canonical path, or null. A GET route covers HEAD.
   * Walks the path once; turns back only where a parameter or `/*` was passed over for a literal that led nowhere.
   */
  match(method: string, path: string): Route | null {
    return descend(this.#root, method, path, 1);
  }

  #add(text: string, access: Access, permission: string | null): void {
    const { method, segments, below } = parsePattern(text);
    let node = this.#root;
    for (const segment of segments) node = childFor(node, segment);
    const methods = below ? node.below : node.exact;
    let route = methods.get(method);
    if (route === undefined) {
      route = { pattern: text, access, permissions: [], wildcards: [] };
      methods.set(method, route);
      this.#routes.push(route);
    }
    if (route.access !== access) {
      throw new PatternError(text, `it is listed as ${route.access} and as ${access}; a route has one kind of access`);
    }
    if (permission === null || route.permissions.includes(permission)) return;
    route.permissions.push(permission);
    route.wildcards.push(wildcardOf(permission));
  }
}

function childFor(node: Node, segment: string): Node {
  if (segment.startsWith(':')) {
    node.parameter ??= newNode();
    return node.parameter;
  }
  let child = node.literals.get(segment);
  if (child === undefined) {
    child = newNode();
    node.literals.set(segment, child);
  }
  return child;
}

/** @param from where the next segment starts: just after a slash, or past the end when the path is used up. */
function descend(node: Node, method: string, path: string, from: number): Route | null {
  if (from > path.length) return forMethod(node.exact, method) ?? forMethod(node.below, method);
  const slash = path.indexOf('/', from);
  const end = slash < 0 ? path.length : slash;
  const next = end + 1;
  if (node.literals.size > 0) {
    const child = node.literals.get(path.slice(from, end));
    if (child !== undefined) {
      const found = descend(child, method, path, next);
      if (found !== null) return found;
    }
  }
  // A parameter stands for one segment that is there: "/a/" has none after its last slash.
  if (node.parameter !== null && end > from) {
    const found = descend(node.parameter, method, path, next);
    if (found !== null) return found;
  }
  return node.below.size > 0 ? forMethod(node.below, method) : null;
}

function forMethod(methods: Map<string, Route>, method: string): Route | null {
  if (methods.size === 0) return null;
  const found = methods.get(method) ?? (method === 'HEAD' ? methods.get('GET') : undefined) ?? methods.get('*');
  return found ?? null;
}
