import t from 'tap';
import { StoreError } from '../../src/core/ports.ts';
import { isUnanswered, NONE, Unanswered } from '../../src/stores/redis/unanswered.ts';

t.test('tokens of a key are given until a lease that was sent with them is answered', async (t) => {
  const unanswered = new Unanswered();
  t.equal(unanswered.of('a'), NONE);
  unanswered.add('a', 'one');
  unanswered.add('a', 'two');
  unanswered.add('a', 'two');
  const given = unanswered.of('a');
  t.equal(given, ' one two ');
  unanswered.add('a', 'three');
  t.equal(unanswered.of('b'), NONE);
  unanswered.settle('a', NONE);
  unanswered.settle('a', given);
  t.equal(unanswered.of('a'), ' three ', 'what failed meanwhile has still to be given');
  unanswered.settle('a', ' three ');
  t.equal(unanswered.of('a'), NONE);
  t.equal(unanswered.size, 0);
  unanswered.settle('a', ' three ');
  t.equal(unanswered.size, 0);
});

t.test('of a key the first and the last are remembered', async (t) => {
  const unanswered = new Unanswered();
  for (let i = 0; i < 1_000; i++) unanswered.add('a', `t${i}`);
  t.equal(unanswered.of('a'), ' t0 t993 t994 t995 t996 t997 t998 t999 ');
});

t.test('so many keys are remembered, and the one that had something last is forgotten last', async (t) => {
  const unanswered = new Unanswered(2);
  for (const key of ['a', 'b', 'a', 'c']) unanswered.add(key, `of-${key}-${unanswered.size}`);
  t.equal(unanswered.size, 2);
  t.equal(unanswered.of('a'), ' of-a-0 of-a-2 ');
  t.equal(unanswered.of('b'), NONE);
  t.equal(unanswered.of('c'), ' of-c-2 ');
});

t.test('a command that was never sent is not one without an answer', async (t) => {
  t.equal(isUnanswered(new StoreError('STORE_UNAVAILABLE', 'too many wait')), false);
  t.equal(isUnanswered(new Error('Connection is closed.')), false);
  const cause = new Error('Connection is closed.');
  t.equal(isUnanswered(new StoreError('STORE_UNAVAILABLE', 'does not answer', { cause })), true);
});
