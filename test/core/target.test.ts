import * as fc from 'fast-check';
import t from 'tap';
import { canonicalTarget, isFault, type TargetRules } from '../../src/core/target.ts';
import { holds } from '../support/random.ts';

const STRICT: TargetRules = { allowPathParameters: false };
const WITH_PARAMETERS: TargetRules = { allowPathParameters: true };

/** The canonical path and query in one text, or null when the target is refused. */
function canonical(raw: string, rules = STRICT): string | null {
  const target = canonicalTarget(raw, rules);
  return isFault(target) ? null : `${target.path}${target.query}`;
}

t.test('a plain target stays as it is', async (t) => {
  for (const raw of [
    '/',
    '/a',
    '/a/',
    '/api/domains/42',
    "/~user/file.tar.gz,v=1!$&'()*+:@",
    '/...',
    '/.well-known/x',
  ]) {
    t.equal(canonical(raw), raw);
  }
});

t.test('the query is kept byte for byte, apart from the path', async (t) => {
  const target = canonicalTarget('/a?x=%7e/../%2f;y=?z', STRICT);
  t.strictSame(target, { path: '/a', query: '?x=%7e/../%2f;y=?z' });
  t.strictSame(canonicalTarget('/a?', STRICT), { path: '/a', query: '?' });
  for (const bad of ['/a?b c', '/a?b#c', '/a?b\\c', '/a?\u00e9', '/a?\u0000', '/a?\t', '/a?\u007f']) {
    t.equal(canonical(bad), null, JSON.stringify(bad));
  }
});

t.test('what may stand plainly is decoded, the rest is upper-cased', async (t) => {
  t.equal(canonical('/%61%62%7Ec'), '/ab~c');
  t.equal(canonical('/a%3ab%40c'), '/a:b@c');
  t.equal(canonical('/things%3Apurge'), '/things:purge', 'finds the route that the upstream acts on');
  t.equal(canonical('/%e2%82%ac'), '/%E2%82%AC');
  t.equal(canonical('/a%20b%5b%3f%23'), '/a%20b%5B%3F%23');
  t.equal(canonical('/%2561'), '/%2561', 'decoded once, never twice');
});

t.test('what does not start with a slash is refused', async (t) => {
  for (const raw of ['', '*', 'a', 'http://example.com/', 'example.com:443', '?x', ' /a', '%2Fa']) {
    t.equal(canonical(raw), null, JSON.stringify(raw));
  }
});

t.test('an empty segment is refused wherever it stands', async (t) => {
  for (const raw of ['//', '//evil.example/a', '/a//b', '/a//', '///']) t.equal(canonical(raw), null, raw);
});

t.test('a dot segment is refused in any encoding', async (t) => {
  for (const dot of ['.', '%2e', '%2E']) {
    for (const segment of [dot, `${dot}.`, `.${dot}`, `${dot}${dot}`]) {
      for (const raw of [`/${segment}`, `/${segment}/`, `/a/${segment}`, `/a/${segment}/b`, `/a/${segment}?q`]) {
        t.equal(canonical(raw), null, raw);
      }
    }
  }
});

t.test('encoded slashes, backslashes and control characters are refused', async (t) => {
  for (const octet of ['2f', '2F', '5c', '5C', '00', '0a', '0D', '1f', '7f', '7F']) {
    t.equal(canonical(`/a%${octet}b`), null, `%${octet}`);
  }
});

t.test('characters that must be encoded are refused', async (t) => {
  const raws = [' ', '\t', '\n', '\0', '\\', '#', '"', '<', '>', '[', ']', '^', '`', '{', '|', '}', '\u007f', '\u0080'];
  for (const raw of [...raws, '\u00e9', '\u00ff', '\u2024', '\uff0e', '\ud83d\ude00']) {
    t.equal(canonical(`/a${raw}b`), null, JSON.stringify(raw));
  }
});

t.test('broken percent-encodings and octets that are not UTF-8 are refused', async (t) => {
  const broken = ['%', '%4', '%zz', '%4g', '% 41', '%%41', '%u0041', '%-1', '%+1', '%0x'];
  const notUtf8 = ['%c0%ae', '%c0%af', '%e0%80%ae', '%ff', '%80', '%c3', '%ed%a0%80', '%f4%90%80%80'];
  for (const octets of [...broken, ...notUtf8]) {
    t.equal(canonical(`/a${octets}`), null, octets);
    t.equal(canonical(`/a${octets}/b`), null, octets);
  }
});

t.test('path parameters are refused unless they are allowed', async (t) => {
  for (const raw of ['/a;b', '/a%3bb', '/a%3Bb', '/;', '/a;jsessionid=1/b']) t.equal(canonical(raw), null, raw);
  t.equal(canonical('/a;b=1/c', WITH_PARAMETERS), '/a;b=1/c');
  t.equal(canonical('/a%3bb', WITH_PARAMETERS), '/a%3Bb');
});

t.test('no dot or empty segment can hide behind a path parameter', async (t) => {
  for (const name of ['', '.', '..', '%2e', '.%2E', '%2e%2e']) {
    for (const separator of [';', '%3b', '%3B']) {
      for (const rest of ['', 'x', 'x=1', ';', '.']) {
        const segment = `${name}${separator}${rest}`;
        for (const raw of [`/${segment}`, `/${segment}/b`, `/a/${segment}`, `/a/${segment}/b?q`]) {
          t.equal(canonical(raw, WITH_PARAMETERS), null, raw);
        }
      }
    }
  }
  t.equal(canonical('/...;x/.a;x/a.;x', WITH_PARAMETERS), '/...;x/.a;x/a.;x');
});

t.test('a refusal never repeats the target', async (t) => {
  for (const raw of [
    '/secret%2f',
    '/secret//',
    '/secret/..',
    '/secret;',
    '/secret%',
    '/secret\\',
    '/?secret#',
    'secret',
  ]) {
    const target = canonicalTarget(raw, STRICT);
    t.equal(isFault(target) && !target.fault.includes('secret'), true, raw);
  }
});

const piece = fc.constantFrom(
  'a',
  'Z',
  '.',
  '..',
  '/',
  '%2e',
  '%2E',
  '%41',
  '%3a',
  '%3B',
  ';',
  '%2f',
  '%25',
  '%e2%82%ac',
  '?',
  '%c0%ae',
  '~',
  '%7e',
);
const anyTarget = fc.oneof(
  fc.array(piece, { maxLength: 8 }).map((pieces) => `/${pieces.join('')}`),
  fc.string({ unit: 'binary', maxLength: 20 }).map((text) => `/${text}`),
  fc.stringMatching(/^\/[A-Za-z0-9._~%;?/-]{0,16}$/),
);
const anyRules = fc.boolean().map((allowPathParameters) => ({ allowPathParameters }));

t.test('property: canonical form is a fixed point', async (t) => {
  holds(
    fc.property(anyTarget, anyRules, (raw, rules) => {
      const once = canonical(raw, rules);
      return once === null || canonical(once, rules) === once;
    }),
    2000,
  );
  t.pass('held');
});

t.test('property: nothing that a URL parser would move or cut gets through', async (t) => {
  holds(
    fc.property(anyTarget, (raw) => {
      const target = canonicalTarget(raw, STRICT);
      if (isFault(target)) return true;
      const url = new URL(`http://upstream.test${target.path}${target.query}`);
      return url.host === 'upstream.test' && url.pathname === target.path && url.hash === '';
    }),
    2000,
  );
  t.pass('held');
});

t.test('property: an accepted path decodes to what the caller wrote, segment by segment', async (t) => {
  const decoded = (path: string): string[] => path.split('/').map(decodeURIComponent);
  holds(
    fc.property(anyTarget, anyRules, (raw, rules) => {
      const target = canonicalTarget(raw, rules);
      if (isFault(target)) return true;
      const before = raw.split('?', 1)[0] ?? '';
      return decoded(target.path).join('\n') === decoded(before).join('\n');
    }),
    2000,
  );
  t.pass('held');
});

t.test('property: two spellings of one path have one canonical form', async (t) => {
  const segment = fc.stringMatching(/^[A-Za-z0-9_~:@!$&'()*+,=-]{1,6}$/);
  const encodeSome = (path: string, which: readonly boolean[]): string =>
    path
      .split('')
      .map((c, i) => (which[i % which.length] && c !== '/' ? `%${c.charCodeAt(0).toString(16).padStart(2, '0')}` : c))
      .join('');
  holds(
    fc.property(
      fc.array(segment, { minLength: 1, maxLength: 4 }),
      fc.array(fc.boolean(), { minLength: 1, maxLength: 7 }),
      (segments, which) => {
        const path = `/${segments.join('/')}`;
        return canonical(encodeSome(path, which)) === path;
      },
    ),
  );
  t.pass('held');
});
