import t from 'tap';
import { NO_PLACES } from '../../src/core/places.ts';
import { restrictionFaults } from '../../src/restrictions/index.ts';
import { userAgent as userAgentKind } from '../../src/restrictions/user-agent.ts';
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
    // What may not be written: nothing but stars, or too many of them.
    if (faults(pattern).length > 0) continue;
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

t.test('a header that is longer than any program sends is not looked at, and the refusal says so', async (t) => {
  const denial = restricted({ user_agent_restrictions: ['a*', '*a*'] });
  t.equal(denial(view({ userAgent: 'a'.repeat(512) })), null);
  t.match(denial(view({ userAgent: 'a'.repeat(513) })), {
    code: 'user_agent_blocked',
    detail: /a User-Agent of more than 512 characters/,
  });
});

/** The least that a test takes for a header, in microseconds; other work of the machine only adds to it. */
function costOf(patterns: readonly string[], userAgent: string): number {
  const denial = restricted({ user_agent_restrictions: patterns });
  // As they come from a store and from a socket: flat.
  const request = view({ userAgent: JSON.parse(JSON.stringify(userAgent)) as string });
  const times = Array.from({ length: 300 }, () => {
    const from = process.hrtime.bigint();
    for (let i = 0; i < 20; i++) denial(request);
    return Number(process.hrtime.bigint() - from) / 20_000;
  });
  return Math.min(...times);
}

t.test('the worst patterns that may be written hold nobody up', async (t) => {
  const filled = (worst: readonly string[], other: string): string[] => [
    ...worst,
    ...Array.from({ length: 20 - worst.length }, () => other),
  ];
  const three = (pattern: string): string[] => [pattern, pattern, pattern];
  const long = 'a'.repeat(512);
  const lists: readonly (readonly string[])[] = [
    filled(three('*aaaab*'), `${'a'.repeat(198)}*b`),
    filled(three('*a*a*aaaab*'), `${'a'.repeat(99)}*b${'a'.repeat(98)}`),
    filled(three(`*${'a'.repeat(99)}b${'a'.repeat(98)}*`), 'b'),
    filled(three(`${'a'.repeat(90)}*aaaab*${'a'.repeat(90)}`), `*b${'a'.repeat(198)}`),
  ];
  for (const patterns of lists) {
    t.strictSame(faults(...patterns), []);
    t.notOk(passes(patterns, long));
    const cost = costOf(patterns, long);
    t.ok(cost < 60, `${cost.toFixed(1)} µs for ${patterns[0]?.slice(0, 20)}`);
  }
});

t.test('patterns whose search takes long are few', async (t) => {
  const tooMany = 'user_agent_restrictions: 4 patterns with text between two *, like *bot*; expected at most 3';
  t.strictSame(faults('*a*', '*b*', 'c*d*', 'e*', '*f', 'g*h', 'i**j'), []);
  t.strictSame(faults('*a*', '*b*', 'c*d*', 'e*', '*f*g'), [tooMany]);
  t.match(faults('*a*', '*b*', 'c*d*', '*f*g', '*'), [/\[4\]: "\*" is not a pattern/, tooMany]);
  t.strictSame(faults('a*b*c*d*', 'a*b*c*d*e*', '**a***'), [
    'user_agent_restrictions[1]: "a*b*c*d*e*" has 5 *; expected at most 4',
    'user_agent_restrictions[2]: "**a***" has 5 *; expected at most 4',
  ]);
});

t.test('what is suggested could be written', async (t) => {
  const loosened = (patterns: readonly string[], userAgent: string) =>
    userAgentKind.loosened(patterns, view({ userAgent }), NO_PLACES);
  t.strictSame(loosened(['a*'], 'curl/8'), ['a*', 'curl/8']);
  t.equal(loosened(['a*'], 'x'.repeat(201)), null);
  for (const chosen of ['b*c*d*e*f*g', '*e*', 'x*']) t.equal(loosened(['a*'], chosen), null, 'it would let in others');
  t.equal(loosened(['*a*', '*b*', '*c*'], 'd*e*f'), null);
  t.equal(
    loosened(
      Array.from({ length: 20 }, () => 'a*'),
      'curl/8',
    ),
    null,
  );
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
  t.strictSame(faults(...Array.from({ length: 20 }, () => 'a*')), []);
  t.strictSame(faults(...Array.from({ length: 21 }, () => 'a*')), [
    'user_agent_restrictions: 21 entries; expected at most 20',
  ]);
});

t.test('a stored list that cannot be read blocks every program, those on it too', async (t) => {
  for (const broken of ['', '*', 'é']) t.notOk(passes(['acme/*', broken], 'acme/1'), JSON.stringify(broken));
});
