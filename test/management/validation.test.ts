import t, { type Test } from 'tap';
import { z } from 'zod';
import { endpoint } from '../../src/management/endpoint.ts';
import { versionsOf } from '../../src/management/read-request.ts';
import { type ProblemBody, problem, start } from './fixture.ts';

const body = z.strictObject({
  name: z.string().min(1).max(10),
  type: z.enum(['personal', 'organization', 'service']),
  count: z.int().min(1).optional(),
  tags: z.array(z.string()).max(2).optional(),
  limits: z.strictObject({ per_hour: z.int(), per_day: z.int() }).partial().optional(),
  'a/b~c': z.boolean().optional(),
  when: z.iso.datetime({ error: 'expected a time, like 2027-01-17T10:30:00Z' }).optional(),
});

const query = z.strictObject({
  limit: z.string().regex(/^\d+$/, 'expected a whole number').transform(Number).optional(),
  owner: z.string().optional(),
  status: z.enum(['active', 'disabled']).optional(),
  tag: z.union([z.string(), z.array(z.string())]).optional(),
});

function startChecks(t: Test) {
  return start(t, [
    endpoint({
      method: 'POST',
      path: '/keys/{id}',
      operationId: 'a',
      tag: 'T',
      summary: 's',
      params: z.strictObject({ id: z.string().regex(/^k\d+$/, 'expected an id like k1') }),
      query,
      body,
      answers: { 200: null },
      handle: async (call) => ({ status: 200, body: { params: call.params, query: call.query, body: call.body } }),
    }),
    endpoint({
      method: 'GET',
      path: '/bare',
      operationId: 'b',
      tag: 'T',
      summary: 's',
      answers: { 200: null },
      handle: async (call) => ({ status: 200, body: { query: call.query } }),
    }),
  ]);
}

const GOOD = { name: 'n', type: 'personal' };

t.test('what is valid arrives as the schemas make it', async (t) => {
  const { send } = await startChecks(t);
  const answer = await send('POST', '/keys/k1?limit=5&owner=a+b%26c&tag=x&tag=y', GOOD);
  const made = { params: { id: 'k1' }, query: { limit: 5, owner: 'a b&c', tag: ['x', 'y'] }, body: GOOD };
  t.strictSame(await answer.json(), made);
});

t.test('every field that is not valid is named by its pointer', async (t) => {
  const { send } = await startChecks(t);
  const answer = await send('POST', '/keys/k1', {
    type: 'persnal',
    count: 1.5,
    tags: ['a', 2],
    limits: { per_huor: 1, per_day: '7' },
    'a/b~c': 'yes',
    when: 'soon',
    permisions: [],
    nmae: 'x',
  });
  t.equal(answer.status, 422);
  t.equal(answer.headers.get('content-type'), 'application/problem+json');
  const { errors = [], ...rest } = await problem(answer);
  t.match(rest, {
    type: 'urn:latchkey:error:validation_failed',
    title: 'Some fields are not valid',
    status: 422,
    code: 'validation_failed',
    detail: /^\d+ things are not valid; "errors" lists them\.$/,
    request_id: answer.headers.get('x-request-id') ?? '',
  });
  t.strictSame(Object.fromEntries(errors.map(({ pointer, detail }) => [pointer, detail])), {
    '/name': 'is missing; expected a text',
    '/type': 'is "persnal"; did you mean "personal"?',
    '/count': 'is 1.5; expected a whole number',
    '/tags/1': 'is 2; expected a text',
    '/limits/per_huor': 'is unknown; did you mean "per_hour"?',
    '/limits/per_day': 'is a text; expected a number',
    '/a~1b~0c': 'is a text; expected true or false',
    '/when': 'expected a time, like 2027-01-17T10:30:00Z',
    '/permisions': 'is unknown; expected name, type, count, tags, limits, a/b~c, when',
    '/nmae': 'is unknown; did you mean "name"?',
  });
});

t.test('one fault is told in the detail too', async (t) => {
  const { send } = await startChecks(t);
  const one = await problem(send('POST', '/keys/k1', { ...GOOD, name: '' }));
  t.equal(one.detail, '/name is empty; expected at least 1 character.');
  const whole = await problem(send('POST', '/keys/k1', []));
  t.strictSame(whole.errors, [{ pointer: '', detail: 'is a list; expected an object' }]);
  t.equal(whole.detail, 'The body is a list; expected an object.');
});

t.test('the list of faults is bounded', async (t) => {
  const { send } = await startChecks(t);
  const many = Object.fromEntries(Array.from({ length: 80 }, (_, i) => [`x${i}`, 1]));
  const { errors, detail } = await problem(send('POST', '/keys/k1', { ...GOOD, ...many }));
  t.equal(errors?.length, 50);
  t.match(detail, /^80 things/);
});

/** What the parameters of a request are told. */
async function parameters(answer: Promise<Response>): Promise<Record<string, string>> {
  const { code, errors = [] }: ProblemBody = await problem(answer);
  if (code !== 'request_invalid') throw new Error(code);
  return Object.fromEntries(errors.map((fault) => [fault.parameter ?? '-', fault.detail]));
}

t.test('every parameter that is not valid is named', async (t) => {
  const { send, ask } = await startChecks(t);
  t.strictSame(await parameters(send('POST', '/keys/x', GOOD)), { id: 'expected an id like k1' });
  t.strictSame(await parameters(send('POST', '/keys/k1?limit=x&status=actve&ownr=a&zz=1', GOOD)), {
    limit: 'expected a whole number',
    status: 'is "actve"; did you mean "active"?',
    ownr: 'is unknown; did you mean "owner"?',
    zz: 'is unknown; expected limit, owner, status, tag',
  });
  t.strictSame(await parameters(send('POST', '/keys/k1?limit=1&limit=2&status=active&status=active', GOOD)), {
    limit: 'is given 2 times; expected once',
    status: 'is given 2 times; expected once',
  });
  t.strictSame(await parameters(ask('/bare?a=1')), { a: 'is unknown; none is taken here' });
  t.strictSame(await parameters(send('POST', '/keys/k1?__proto__=1&constructor=2', GOOD)), {
    ['__proto__']: 'is unknown; expected limit, owner, status, tag',
    constructor: 'is unknown; expected limit, owner, status, tag',
  });
  t.equal((await ask('/bare?')).status, 200);
  t.equal((await ask('/bare?&&')).status, 200);
  t.equal((await ask(`/bare?${'a&'.repeat(101)}`)).status, 400);
});

t.test('the versions that If-Match names are read, however they are written', (t) => {
  const good: readonly [string, number[] | null][] = [
    ['"v7"', [7]],
    [' "v1" ,, "v2",', [1, 2]],
    ['W/"v1","v2"', [2]],
    ['"a,b" , "v3"', [3]],
    ['""', []],
    ['"v0", "V1"', []],
    ['"v1"\t\u00a0,\u00e9'.slice(0, -1), [1]],
    [' * ', null],
  ];
  for (const [header, versions] of good) t.strictSame(versionsOf(header), versions, header);
  const bad = ['', ' ', ',', ', ,', '"', 'v1', '"v1', '"v1" "v2"', '"v1"x', 'w/"v1"', 'W/', 'W/v1', 'W /"v1"', '"a b"'];
  for (const header of bad) t.throws(() => versionsOf(header), { code: 'request_invalid' }, header);
  t.end();
});

t.test('the time that If-Match takes grows no faster than its length', (t) => {
  const began = performance.now();
  const spaces = ' '.repeat(100_000);
  t.throws(() => versionsOf(`"v1",${spaces}x`), { code: 'request_invalid' });
  t.strictSame(versionsOf(`"v1"${spaces},${spaces}"v2"`), [1, 2]);
  t.throws(() => versionsOf(`${'"v1",'.repeat(20_000)}"`), { code: 'request_invalid' });
  t.ok(performance.now() - began < 1_500, 'a hundredth of it, where each space is tried once');
  t.end();
});

t.test('parameters are looked at before the body, and the token before both', async (t) => {
  const { send } = await startChecks(t);
  t.equal((await send('POST', '/keys/k1?x=1', {})).status, 400);
  t.equal((await send('POST', '/keys/k1?x=1', {}, { authorization: '' })).status, 401);
});

t.test('a secret that stands where it does not belong is not repeated', async (t) => {
  const { send } = await startChecks(t);
  const secret = `lk_${'a1B2'.repeat(12)}z`;
  const answers = [
    send('POST', '/keys/k1', { ...GOOD, type: secret }),
    send('POST', '/keys/k1', { ...GOOD, [secret]: 1 }),
    send('POST', `/keys/k1?status=${secret}`, GOOD),
    send('POST', `/keys/k1?${secret}=1`, GOOD),
  ];
  for (const answer of answers) {
    const text = await (await answer).text();
    t.notMatch(text, secret);
    t.match(text, '[secret]');
    t.type((JSON.parse(text) as ProblemBody).code, 'string');
  }
});
