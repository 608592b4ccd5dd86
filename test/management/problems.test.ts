import t from 'tap';
import { StoreError, type StoreErrorCode } from '../../src/core/ports.ts';
import { KeyError, type KeyErrorCode } from '../../src/keys/key-error.ts';
import { endpoint } from '../../src/management/endpoint.ts';
import { FAILURES, type FailureCode, ManagementError } from '../../src/management/failures.ts';
import { failureOf, problemOf } from '../../src/management/problems.ts';
import { type ProblemBody, problem, start } from './fixture.ts';

function failing(path: string, error: unknown) {
  return endpoint({
    method: 'GET',
    path,
    operationId: path,
    tag: 'T',
    summary: 'Fails',
    answers: { 200: null },
    handle: async () => {
      throw error;
    },
  });
}

t.test('what is wrong with a key is told by where it stands in the body', async (t) => {
  const faults = [
    { field: 'name', message: 'is empty; expected some text' },
    { field: 'limits.perHour', message: 'is 0' },
    { field: 'ip_restrictions[1]', message: 'is not an address' },
    { field: 'time_restrictions.allowed_hours[0]', message: 'is odd' },
    { field: 'metadata.a.b/cD', message: 'is too long' },
    { field: 'permissions', pointer: '/permissions/domains/0', message: 'is not known' },
  ];
  const failure = failureOf(new KeyError('KEY_INVALID', 'all of it', faults));
  t.equal(failure.code, 'validation_failed');
  t.strictSame(
    failure.errors.map(({ pointer }) => pointer),
    [
      '/name',
      '/limits/per_hour',
      '/ip_restrictions/1',
      '/time_restrictions/allowed_hours/0',
      '/metadata/a.b~1cD',
      '/permissions/domains/0',
    ],
  );
  t.equal(failure.errors[0]?.detail, 'is empty; expected some text');
  t.equal(failure.message, '6 things are not valid; "errors" lists them.');
});

t.test('each failure of a key is one of the API', async (t) => {
  const expected: Record<KeyErrorCode, FailureCode> = {
    KEY_INVALID: 'validation_failed',
    KEY_NOT_FOUND: 'not_found',
    KEY_STATE: 'conflict',
    KEY_CONFLICT: 'conflict',
    KEY_STALE: 'precondition_failed',
    KEY_EXISTS: 'conflict',
  };
  for (const [code, failure] of Object.entries(expected)) {
    const made = failureOf(new KeyError(code as KeyErrorCode, 'there is no key "key_1"'));
    t.equal(made.code, failure, code);
    t.equal(made.message, 'There is no key "key_1".');
  }
});

t.test('a failure of the store is told without what it says of hosts and files', async (t) => {
  const expected: Record<StoreErrorCode, FailureCode> = {
    STORE_UNAVAILABLE: 'store_unavailable',
    STORE_CONFLICT: 'conflict',
    STORE_READ_ONLY: 'store_read_only',
    STORE_FULL: 'conflict',
    STORE_CORRUPT: 'internal',
    STORE_BAD_QUERY: 'request_invalid',
  };
  for (const [code, failure] of Object.entries(expected)) {
    const made = failureOf(new StoreError(code as StoreErrorCode, 'redis://10.0.0.1 /var/lib/x'));
    t.equal(made.code, failure, code);
    t.notMatch(made.message, /redis|\/var/);
  }
  t.equal(failureOf(new StoreError('STORE_BAD_QUERY', '')).errors[0]?.parameter, 'cursor');
  t.equal(failureOf(new StoreError('STORE_UNAVAILABLE', '')).retryAfter, 1);
});

t.test('every failure has its status, and those with a time say it twice', async (t) => {
  for (const [code, { status, title }] of Object.entries(FAILURES)) {
    const made = problemOf(new ManagementError(code as FailureCode, 'Because.'), 'req_1');
    t.equal(made.status, status);
    const body = JSON.parse(made.body) as ProblemBody;
    t.match(body, { type: `urn:latchkey:error:${code}`, title, status, code, detail: 'Because.', request_id: 'req_1' });
    t.equal(body.retry_after?.toString(), made.headers['Retry-After']);
    t.equal(status === 401 || status === 403, made.headers['WWW-Authenticate'] !== undefined, code);
  }
  t.match(problemOf(new ManagementError('forbidden', 'No.'), 'r').headers, {
    'WWW-Authenticate': 'Bearer realm="latchkey management", error="insufficient_scope"',
  });
});

t.test('what nobody expected is told to whoever runs this, and not to the caller', async (t) => {
  const broken = new Error('connect 10.0.0.1 with hunter2');
  const { ask, told } = await start(t, [
    failing('/broken', broken),
    failing('/odd', 'hunter2'),
    failing('/down', new StoreError('STORE_UNAVAILABLE', 'hunter2')),
    failing('/denied', new ManagementError('forbidden', 'You need admin:write.')),
    endpoint({
      method: 'GET',
      path: '/unsendable',
      operationId: 'u',
      tag: 'T',
      summary: 'Answers what JSON cannot say',
      answers: { 200: null },
      handle: async () => ({ status: 200, body: 1n }),
    }),
    endpoint({
      method: 'GET',
      path: '/splitting',
      operationId: 'v',
      tag: 'T',
      summary: 'Answers a header that would be two',
      answers: { 201: null },
      handle: async () => ({ status: 201, body: {}, location: '/a\r\nSet-Cookie: a=b' }),
    }),
  ]);
  for (const [path, status] of [
    ['/broken', 500],
    ['/odd', 500],
    ['/unsendable', 500],
    ['/splitting', 500],
    ['/down', 503],
  ] as const) {
    const answer = await ask(path);
    t.equal(answer.status, status, path);
    const text = await answer.clone().text();
    t.notMatch(text, 'hunter2');
    t.equal(told.at(-1)?.requestId, (await problem(answer)).request_id);
  }
  t.equal(told.length, 5);
  t.equal(told[0]?.error, broken);
  const denied = await ask('/denied');
  t.equal(denied.status, 403);
  t.equal((await problem(denied)).detail, 'You need admin:write.');
  t.equal((await ask('/down')).headers.get('retry-after'), '1');
  t.equal(told.length, 6, 'a refusal is nothing to be told of');
});

t.test('to be told of failures may fail too', async (t) => {
  const { ask } = await start(t, [failing('/broken', new Error('a'))], {
    onFailure: () => {
      throw new Error('b');
    },
  });
  t.equal((await ask('/broken')).status, 500);
});
