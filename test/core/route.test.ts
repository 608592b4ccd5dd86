import * as fc from 'fast-check';
import t from 'tap';
import { type Access, PatternError, parsePattern, type RouteSource, RouteTable } from '../../src/core/route.ts';
import { holds } from '../support/random.ts';

function table(source: Partial<RouteSource>): RouteTable {
  return new RouteTable({ public: [], anyKey: [], permissions: {}, ...source });
}

/** A table in which each pattern is a public route. */
function publicTable(...patterns: string[]): RouteTable {
  return table({ public: patterns });
}

function patternOf(routes: RouteTable, method: string, path: string): string | null {
  return routes.match(method, path)?.pattern ?? null;
}

t.test('a pattern that cannot match is refused, and the error names it', async (t) => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ['', /METHOD/],
    ['/a', /METHOD/],
    ['GET', /METHOD/],
    ['get /a', /"get" is not a method/],
    ['GE T /a', /must start/],
    ['G3T /a', /not a method/],
    [' /a', /"" is not a method/],
    ['GET a', /must start with/],
    ['GET *', /must start with/],
    ['GET ', /must start with/],
    ['GET //', /empty segments/],
    ['GET //*', /empty segments/],
    ['GET /a//b', /empty segments/],
    ['GET /a//*', /empty segments/],
    ['GET /.', /dot segments/],
    ['GET /a/../b', /dot segments/],
    ['GET /:', /not a parameter/],
    ['GET /:1a', /not a parameter/],
    ['GET /:a-b', /not a parameter/],
    ['GET /*/a', /"\*" may stand only/],
    ['GET /a*', /"\*" may stand only/],
    ['GET /**', /"\*" may stand only/],
    ['GET /a b', /percent-encode/],
    ['GET /é', /percent-encode/],
    ['GET /a?b', /percent-encode/],
    ['GET /a#b', /percent-encode/],
    ['GET /a;b', /percent-encode/],
    ['GET /a\\b', /percent-encode/],
    ['GET /%', /percent-encode/],
    ['GET /%2f', /never matches a request\. .*encoded slash/],
    ['GET /%2e', /must be written "\."|dot segment/],
    ['GET /%c0%ae', /never matches a request\. .*UTF-8/],
    ['GET /caf%c3%a9', /must be written "caf%C3%A9"/],
    ['GET /%41', /must be written "A"/],
    [`GET ${'/a'.repeat(65)}`, /at most 64 segments/],
  ];
  for (const [pattern, reason] of cases) {
    try {
      parsePattern(pattern);
      t.fail(`${pattern} was accepted`);
    } catch (error) {
      t.ok(error instanceof PatternError, pattern);
      t.match((error as PatternError).message, reason, pattern);
      t.equal((error as PatternError).pattern, pattern);
    }
  }
});

t.test('a pattern is read into its parts', async (t) => {
  t.strictSame(parsePattern('GET /'), { method: 'GET', segments: [''], below: false });
  t.strictSame(parsePattern('* /*'), { method: '*', segments: [], below: true });
  t.strictSame(parsePattern('GET /a/:id/*'), { method: 'GET', segments: ['a', ':id'], below: true });
  t.strictSame(parsePattern('M-SEARCH /a/'), { method: 'M-SEARCH', segments: ['a', ''], below: false });
  t.strictSame(parsePattern('POST  /things:purge'), { method: 'POST', segments: ['things:purge'], below: false });
});

t.test('what no pattern names is not found', async (t) => {
  const routes = publicTable('GET /a', 'GET /b/:id', 'GET /c/*');
  for (const path of ['/', '/A', '/a/', '/a/b', '/b', '/b/', '/b/1/', '/b/1/2', '/cc', '/ca/b', '/d']) {
    t.equal(patternOf(routes, 'GET', path), null, path);
  }
  for (const method of ['POST', 'OPTIONS', 'get', '*', '']) t.equal(patternOf(routes, method, '/a'), null, method);
  t.equal(patternOf(publicTable(), 'GET', '/'), null, 'no routes at all');
});

t.test('/* stands for this path and all below it', async (t) => {
  const routes = publicTable('GET /c/*');
  for (const path of ['/c', '/c/', '/c/d', '/c/d/', `/c${'/d'.repeat(200)}`]) {
    t.equal(patternOf(routes, 'GET', path), 'GET /c/*', path);
  }
  t.equal(patternOf(publicTable('GET /*'), 'GET', '/'), 'GET /*');
});

t.test('a trailing slash is another path', async (t) => {
  const routes = publicTable('GET /a/', 'GET /');
  t.equal(patternOf(routes, 'GET', '/a/'), 'GET /a/');
  t.equal(patternOf(routes, 'GET', '/a'), null);
  t.equal(patternOf(routes, 'GET', '/'), 'GET /');
});

t.test('literal wins over :name wins over *, whatever the order', async (t) => {
  const patterns = ['GET /a/*', 'GET /a/:id', 'GET /a/b', 'GET /a/:id/c', 'GET /a/b/*', 'GET /*'];
  for (const order of [patterns, patterns.toReversed()]) {
    const routes = publicTable(...order);
    t.equal(patternOf(routes, 'GET', '/a/b'), 'GET /a/b');
    t.equal(patternOf(routes, 'GET', '/a/x'), 'GET /a/:id');
    t.equal(patternOf(routes, 'GET', '/a'), 'GET /a/*');
    t.equal(patternOf(routes, 'GET', '/a/x/c'), 'GET /a/:id/c');
    t.equal(patternOf(routes, 'GET', '/a/x/d'), 'GET /a/*');
    t.equal(patternOf(routes, 'GET', '/a/b/c'), 'GET /a/b/*', 'the leftmost segment that differs decides');
    t.equal(patternOf(routes, 'GET', '/z'), 'GET /*');
  }
});

t.test('a literal that leads nowhere does not hide what is less specific', async (t) => {
  const routes = publicTable('GET /a/b/c', 'GET /a/:id/d', 'GET /:x/*');
  t.equal(patternOf(routes, 'GET', '/a/b/d'), 'GET /a/:id/d');
  t.equal(patternOf(routes, 'GET', '/a/b/e'), 'GET /:x/*');
});

t.test('a named method wins over *, and a route of another method does not hide one', async (t) => {
  const routes = publicTable('* /a', 'GET /a', 'GET /b/c', '* /b/:id');
  t.equal(patternOf(routes, 'GET', '/a'), 'GET /a');
  t.equal(patternOf(routes, 'DELETE', '/a'), '* /a');
  t.equal(patternOf(routes, 'POST', '/b/c'), '* /b/:id');
});

t.test('GET covers HEAD, unless HEAD has a route of its own', async (t) => {
  t.equal(patternOf(publicTable('GET /a'), 'HEAD', '/a'), 'GET /a');
  t.equal(patternOf(publicTable('GET /a', 'HEAD /a'), 'HEAD', '/a'), 'HEAD /a');
  t.equal(patternOf(publicTable('GET /a', '* /a'), 'HEAD', '/a'), 'GET /a');
  t.equal(patternOf(publicTable('HEAD /a'), 'GET', '/a'), null);
});

t.test('several permissions on one route mean any of them', async (t) => {
  const routes = table({
    permissions: { 'a:read': ['GET /a/:id'], 'a:admin': ['GET /a/:name', 'GET /a/:id'], 'b:read': [] },
  });
  t.equal(routes.routes.length, 1);
  t.strictSame(routes.match('GET', '/a/1'), {
    pattern: 'GET /a/:id',
    access: 'permission',
    permissions: ['a:read', 'a:admin'],
    wildcards: ['a:*', 'a:*'],
  });
});

t.test('each kind of access is told, and a route has only one', async (t) => {
  const routes = table({ public: ['GET /p', 'GET /p'], anyKey: ['GET /k'], permissions: { 'x:read': ['GET /x'] } });
  const access = (path: string): Access | undefined => routes.match('GET', path)?.access;
  t.equal(access('/p'), 'public');
  t.equal(access('/k'), 'any_key');
  t.equal(access('/x'), 'permission');
  t.strictSame(
    routes.routes.map((route) => route.pattern),
    ['GET /p', 'GET /k', 'GET /x'],
  );
  t.throws(() => table({ public: ['GET /a/:id'], anyKey: ['GET /a/:name'] }), PatternError);
  t.throws(() => table({ anyKey: ['GET /a'], permissions: { 'x:read': ['GET /a'] } }), PatternError);
});

t.test('names of object members are ordinary segments', async (t) => {
  const routes = publicTable('GET /:x/y');
  for (const name of ['__proto__', 'constructor', 'toString']) {
    t.equal(patternOf(routes, 'GET', `/${name}/y`), 'GET /:x/y');
    t.equal(patternOf(routes, 'GET', `/${name}`), null);
  }
});

/** Ranks of a pattern's segments against a path, or null when it does not match: the definition, without a tree. */
function ranks(pattern: string, method: string, path: string): number[] | null {
  const { method: named, segments, below } = parsePattern(pattern);
  const methods = method === 'HEAD' ? ['HEAD', 'GET', '*'] : [method, '*'];
  const methodRank = methods.indexOf(named);
  if (methodRank < 0) return null;
  const parts = path.slice(1).split('/');
  if (below ? parts.length < segments.length : parts.length !== segments.length) return null;
  const found: number[] = [];
  for (const [i, segment] of segments.entries()) {
    const part = parts[i];
    if (segment === part) found.push(0);
    else if (segment.startsWith(':') && part !== '') found.push(1);
    else return null;
  }
  return [...found, below ? 2 : 0, methodRank];
}

/** The pattern that a reader of the list would call the most specific. */
function naiveMatch(patterns: readonly string[], method: string, path: string): string | null {
  let best: { pattern: string; rank: number[] } | null = null;
  for (const pattern of patterns) {
    const rank = ranks(pattern, method, path);
    if (rank !== null && (best === null || lower(rank, best.rank))) best = { pattern, rank };
  }
  return best?.pattern ?? null;
}

function lower(a: readonly number[], b: readonly number[]): boolean {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

t.test('property: the tree finds what a search through the whole list finds', async (t) => {
  const method = fc.constantFrom('GET', 'HEAD', 'POST', '*');
  const patternSegment = fc.constantFrom('a', 'b', 'c', ':p');
  const pattern = fc
    .tuple(method, fc.array(patternSegment, { maxLength: 4 }), fc.constantFrom('', '/', '/*'))
    .map(([m, segments, end]) => `${m} ${segments.map((s) => `/${s}`).join('')}${end}`)
    .filter((text) => text.includes('/'));
  const request = fc.tuple(
    fc.constantFrom('GET', 'HEAD', 'POST', 'PUT'),
    fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 5 }),
    fc.constantFrom('', '/'),
  );
  let matched = 0;
  holds(
    fc.property(
      fc.uniqueArray(pattern, { minLength: 1, maxLength: 12 }),
      fc.array(request, { minLength: 1 }),
      (patterns, requests) => {
        const routes = publicTable(...patterns);
        for (const [m, segments, end] of requests) {
          const path = segments.map((s) => `/${s}`).join('') + end || '/';
          const expected = naiveMatch(patterns, m, path);
          if (expected !== null) matched++;
          if (patternOf(routes, m, path) !== expected) return false;
        }
        return true;
      },
    ),
    1000,
  );
  t.ok(matched > 1000, 'and the requests did match often enough to mean something');
});
