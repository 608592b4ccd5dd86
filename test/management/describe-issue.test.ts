import t from 'tap';
import { type ZodType, z } from 'zod';
import { check } from '../../src/management/validate.ts';

/** Where and what each fault is, as `path: detail`. */
function told(schema: ZodType, value: unknown): string[] {
  const result = check(schema, value);
  return 'value' in result ? [] : result.faults.map(({ path, detail }) => `${path.join('.')}: ${detail}`);
}

t.test('another kind of thing', async (t) => {
  t.strictSame(told(z.string(), undefined), [': is missing; expected a text']);
  t.strictSame(told(z.string(), null), [': is null; expected a text']);
  t.strictSame(told(z.string(), 5), [': is 5; expected a text']);
  t.strictSame(told(z.number(), 'hunter2'), [': is a text; expected a number']);
  t.strictSame(told(z.number(), Number.NaN), [': is no number; expected a number']);
  t.strictSame(told(z.int(), 1.5), [': is 1.5; expected a whole number']);
  t.strictSame(told(z.boolean(), 'true'), [': is a text; expected true or false']);
  t.strictSame(told(z.array(z.string()), {}), [': is an object; expected a list']);
  t.strictSame(told(z.object({}), []), [': is a list; expected an object']);
  t.strictSame(told(z.record(z.string(), z.string()), true), [': is true; expected an object']);
  t.strictSame(told(z.null(), 1), [': is 1; expected null']);
  t.strictSame(told(z.never(), 1), [': is 1; expected nothing']);
});

t.test('too small and too big', async (t) => {
  t.strictSame(told(z.string().min(1), ''), [': is empty; expected at least 1 character']);
  t.strictSame(told(z.string().max(2), 'abc'), [': has 3 characters; expected at most 2 characters']);
  t.strictSame(told(z.string().length(2), 'a'), [': has 1 character; expected exactly 2 characters']);
  t.strictSame(told(z.array(z.int()).min(2), [1]), [': has 1 entry; expected at least 2 entries']);
  t.strictSame(told(z.number().min(1), 0), [': is 0; expected at least 1']);
  t.strictSame(told(z.number().positive(), 0), [': is 0; expected more than 0']);
  t.strictSame(told(z.number().lt(5), 5), [': is 5; expected less than 5']);
  t.strictSame(told(z.number().multipleOf(5), 7), [': is 7; expected a multiple of 5']);
});

t.test('another form of text is told without repeating it', async (t) => {
  t.strictSame(told(z.email(), 'hunter2'), [': has another form than expected; it must be an email address']);
  t.strictSame(told(z.iso.datetime(), 'hunter2'), [
    ': has another form than expected; it must be a time like 2027-01-17T10:30:00Z',
  ]);
  t.strictSame(told(z.emoji(), 'hunter2'), [': has another form than expected; it must be emoji']);
  t.strictSame(told(z.string().regex(/^a$/), 'hunter2'), [': has another form than expected; it must match /^a$/']);
  t.strictSame(told(z.string().startsWith('key_'), 'x'), [': is another text; expected one that begins with "key_"']);
  t.strictSame(told(z.string().endsWith('!'), 'x'), [': is another text; expected one that ends with "!"']);
  t.strictSame(told(z.string().includes('@'), 'x'), [': is another text; expected one with "@" in it']);
});

t.test('one of a few values', async (t) => {
  const schema = z.enum(['active', 'disabled']);
  t.strictSame(told(schema, 'actve'), [': is "actve"; did you mean "active"?']);
  t.strictSame(told(schema, 'zzz'), [': is "zzz"; expected one of active, disabled']);
  t.strictSame(told(schema, undefined), [': is missing; expected one of active, disabled']);
  t.strictSame(told(z.literal('never'), 5), [': is 5; expected never']);
  t.match(told(schema, 'x'.repeat(500))[0], /^: is "x{60}…"; expected/);
  const many = z.enum(Array.from({ length: 30 }, (_, i) => `value${i}`) as [string]);
  t.match(told(many, '???')[0], /value19, …$/);
});

t.test('of alternatives the one that was meant is spoken of', async (t) => {
  const schema = z.union([z.string().min(3), z.strictObject({ a: z.int(), b: z.int() }), z.null()]);
  t.strictSame(told(schema, 'a'), [': has 1 character; expected at least 3 characters']);
  t.strictSame(told(z.object({ x: schema }), { x: { a: 1, b: 'b', c: 2 } }), [
    'x.b: is a text; expected a number',
    'x.c: is unknown; expected a, b',
  ]);
  t.strictSame(told(schema, 5), [': is 5; expected a text or an object or null']);
  t.strictSame(told(z.union([z.literal('never'), z.int()]), 'soon'), [': is a text; expected never or a number']);
  const tagged = z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('ip'), list: z.array(z.string()) }),
    z.object({ kind: z.literal('tor') }),
  ]);
  t.strictSame(told(tagged, { kind: 'ipp' }), ['kind: is "ipp"; did you mean "ip"?']);
  t.strictSame(told(tagged, { kind: 'ip' }), ['list: is missing; expected a list']);
});

t.test('names and entries', async (t) => {
  const named = z.record(z.string().regex(/^[a-z]+$/, 'expected lower-case letters'), z.string());
  t.strictSame(told(named, { A: 'x' }), ['A: has a name that may not be: expected lower-case letters']);
  t.strictSame(told(z.strictObject({ name: z.string() }), { nmae: 1, name: 'a' }), [
    'nmae: is unknown; did you mean "name"?',
  ]);
  t.strictSame(told(z.strictObject({}), { x: 1 }), ['x: is unknown']);
  const map = z.map(z.string(), z.int());
  t.match(told(map, new Map([['a', 'b']])).join(), /expected a number/);
});

t.test('what a schema says itself is kept', async (t) => {
  t.strictSame(told(z.string('expected a name'), 5), [': expected a name']);
  t.strictSame(
    told(
      z.string().refine(() => false, 'expected better'),
      'a',
    ),
    [': expected better'],
  );
  t.strictSame(
    told(
      z.string().refine(() => false),
      'a',
    ),
    [': is not valid'],
  );
});
