import t from 'tap';
import { restrictionFaults } from '../../src/restrictions/index.ts';
import { view } from '../support/keys.ts';
import { restricted } from './restricted.ts';

/** Whether a key for these programs may be used by one; undefined: it does not say which it is. */
function passes(patterns: readonly string[], userAgent: string | undefined): boolean {
  return restricted({ user_agent_restrictions: patterns })(view(userAgent === undefined ? {} : { userAgent })) === null;
}

function faults(...patterns: string[]): string[] {
  return restrictionFaults({ user_agent_restrictions: patterns });
}

t.test('a pattern without a star is the whole header', async (t) => {
  t.ok(passes(['acme-sync/2.1'], 'acme-sync/2.1'));
  for (const other of ['acme-sync/2.10', 'xacme-sync/2.1', 'acme-sync/2', 'acme-sync/2.1 (linux)', '', '*']) {
    t.notOk(passes(['acme-sync/2.1'], other), other);
  }
});

t.test('a star stands for any text, none too', async (t) => {
  const cases: [pattern: string, yes: string[], no: string[]][] = [
    ['acme/*', ['acme/', 'acme/1', 'acme/1 (x; y) acme/'], ['acme', 'xacme/1', 'acm/1']],
    ['*/beta', ['/beta', 'x/beta', '/beta/beta'], ['beta', 'x/beta1', 'x/betas']],
    ['*sync*', ['sync', 'a sync b', 'syncsync'], ['syn c', 'SYNC', 'sy-nc']],
    ['a*b*c', ['abc', 'a-b-c', 'abbc', 'a c b c', 'abcc'], ['ac', 'acb', 'a-c-b', 'cba', 'abcd', 'xabc']],
    ['ab*ba', ['abba', 'ab-ba', 'abbaba'], ['aba', 'ab', 'ba', 'abb']],
    ['aa*aa*aa', ['aaaaaa', 'aaxaaxaa', 'aaaaaaaa'], ['aaaaa', 'aaaa', 'aa']],
    ['a**c', ['ac', 'abc'], ['a', 'c', 'ab']],
    ['*a*b', ['ab', 'xab', 'ba-ab', 'aab'], ['b', 'ba', 'a', 'abx']],
    ['1*.*', ['1.', '10.2'], ['1', '.1']],
    ['a.c', ['a.c'], ['abc']],
    ['Mozilla/5.0 (X11; *) Gecko/*', ['Mozilla/5.0 (X11; Linux) Gecko/1'], ['Mozilla/5.0 (X11 Linux) Gecko/1']],
  ];
  for (const [pattern, yes, no] of cases) {
    for (const text of yes) t.ok(passes([pattern], text), `${pattern} is ${JSON.stringify(text)}`);
    for (const text of no) t.notOk(passes([pattern], text), `${pattern} is not ${JSON.stringify(text)}`);
  }
});

t.test('patterns mean the same as the regular expressions that they stand for', async (t) => {
  const letters = ['a', 'b', '*', 'ab', 'ba', '**'];
  const texts = allOf(['a', 'b', 'ab', 'aab', 'bba'], 3);
  let checked = 0;
  for (const pattern of allOf(letters, 4)) {
    if (!/[^*]/.test(pattern)) continue;
    const oracle = new RegExp(`^${pattern.replaceAll(/\*+/g, '[^]*')}$`);
    const denial = restricted({ user_agent_restrictions: [pattern] });
    for (const userAgent of texts) {
      if ((denial(view({ userAgent })) === null) !== oracle.test(userAgent)) t.fail(`${pattern} on ${userAgent}`);
      checked++;
    }
  }
  t.ok(checked > 100_000, `${checked} compared`);
});

/** Every text of one to `most` of these parts. */
function allOf(parts: readonly string[], most: number): string[] {
  if (most === 0) return [''];
  const shorter = allOf(parts, most - 1);
  return [...new Set([...shorter, ...shorter.flatMap((text) => parts.map((part) => text + part))])];
}

t.test('any one of the patterns will do', async (t) => {
  const patterns = ['acme/*', 'curl/8.0', '*bot*'];
  for (const text of ['acme/1', 'curl/8.0', 'a bot x']) t.ok(passes(patterns, text), text);
  t.notOk(passes(patterns, 'curl/8.1'));
});

t.test('who does not say what it is, or nothing with it, is refused', async (t) => {
  for (const patterns of [['acme/*'], ['*a*'], ['a*', '*b']]) {
    t.notOk(passes(patterns, undefined));
    t.notOk(passes(patterns, ''));
  }
  t.ok(passes([], undefined), 'and where nothing is restricted it passes');
  t.match(restricted({ user_agent_restrictions: ['x'] })(view()), {
    code: 'user_agent_blocked',
    detail: 'This key may be used only by the programs that it was restricted to.',
  });
});

t.test('case counts', async (t) => {
  t.notOk(passes(['acme/*'], 'Acme/1'));
  t.notOk(passes(['acme/*b'], 'acme/B'));
});

t.test('work grows with the length of the header and no faster', async (t) => {
  // Each nearly fits at very many places: to go back and try the next would square the work for each star.
  const texts: [pattern: string, text: (length: number) => string][] = [
    ['*a*a*a*a*b', (length) => 'a'.repeat(length)],
    ['*a*a*a*a*bc', (length) => 'a'.repeat(length)],
    ['*ab*ab*ab*ac*z', (length) => `${'ab'.repeat(length / 2)}z`],
    ['*aab*aab*aab*z', (length) => `${'a'.repeat(length)}z`],
  ];
  for (const [pattern, textOf] of texts) {
    const denial = restricted({ user_agent_restrictions: [pattern] });
    const cost = (length: number): number => {
      const request = view({ userAgent: textOf(length) });
      const times = Array.from({ length: 40 }, () => {
        const from = process.hrtime.bigint();
        for (let i = 0; i < 8; i++) denial(request);
        return Number(process.hrtime.bigint() - from);
      });
      return Math.min(...times);
    };
    cost(1024);
    const [short, long] = [cost(1024), cost(16 * 1024)];
    // Sixteen times the text; squared, that would be 256 times the work.
    t.ok(long < 100 * Math.max(short, 1_000), `${pattern}: ${short} ns, and ${long} ns for sixteen times the text`);
  }
});

t.test('what is wrong with patterns is said, entry by entry', async (t) => {
  t.strictSame(faults('acme-sync/*', 'x'.repeat(200), '*a', '"', 'a b'), []);
  const wrong = ['*', '**', '', 'é', 'a\nb', ' a', 'a '];
  t.strictSame(
    faults('acme-sync/*', ...wrong),
    wrong.map(
      (text, i) =>
        `user_agent_restrictions[${i + 1}]: ${JSON.stringify(text)} is not a pattern; expected printable text of up to 200 characters, without spaces at its ends and not only *, like acme-sync/*`,
    ),
  );
  t.match(faults('x'.repeat(100_000)), [
    /^user_agent_restrictions\[0\]: "x{200}" is not a pattern; expected printable/,
  ]);
  t.strictSame(faults(...Array.from({ length: 100 }, () => 'a*')), []);
  t.strictSame(faults(...Array.from({ length: 101 }, () => 'a*')), [
    'user_agent_restrictions: 101 entries; expected at most 100',
  ]);
});

t.test('a stored list that cannot be read blocks every program, those on it too', async (t) => {
  for (const broken of ['', '*', 'é']) t.notOk(passes(['acme/*', broken], 'acme/1'), JSON.stringify(broken));
});
