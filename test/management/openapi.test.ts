import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { packageVersion } from '../../src/cli/version.ts';
import type { Endpoint } from '../../src/management/endpoint.ts';
import { managementEndpoints } from '../../src/management/endpoints/index.ts';
import { FAILURES } from '../../src/management/failures.ts';
import { openApiDocument, openApiDocuments } from '../../src/management/openapi/index.ts';
import type { Operation, Parameter, Schema } from '../../src/management/openapi/model.ts';
import { resolve } from '../../src/management/openapi/model.ts';
import { schemaChecker } from './fits.ts';

const ROOT = join(import.meta.dirname, '../..');
const FILE = join(ROOT, 'docs/openapi.json');
const ABOUT = { version: packageVersion() };

/** Nothing is called here: what an endpoint says of itself is enough. */
function endpointsOf(): Endpoint[] {
  return managementEndpoints(() => {
    throw new Error('no endpoint is called in this test');
  });
}

const endpoints = endpointsOf();
const document = openApiDocument(endpoints, ABOUT);
const text = `${JSON.stringify(document, null, 2)}\n`;

function operationOf({ path, method }: Endpoint): Operation | undefined {
  return document.paths[path]?.[method.toLowerCase()];
}

function parametersOf(operation: Operation | undefined): Parameter[] {
  return (operation?.parameters ?? []).map((parameter) => resolve(document, parameter));
}

t.test('the document in the repository is the one that the program makes', async (t) => {
  if (process.env['UPDATE'] === '1') writeFileSync(FILE, text);
  t.equal(readFileSync(FILE, 'utf8'), text, 'else: UPDATE=1 node test/management/openapi.test.ts');
});

t.test('the document is made alike each time', async (t) => {
  t.equal(`${JSON.stringify(openApiDocument(endpointsOf(), ABOUT), null, 2)}\n`, text);
  const [served] = openApiDocuments(endpointsOf(), ABOUT);
  t.equal(served?.path, '/openapi.json');
  t.equal(served?.body(), text, 'and served as it is in the repository');
});

t.test('Redocly finds nothing wrong with it', async (t) => {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [join(ROOT, 'node_modules/@redocly/cli/bin/cli.js'), 'lint', FILE, '--extends=recommended', '--format=json'],
    { cwd: ROOT, env: { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' } },
  );
  t.strictSame((JSON.parse(stdout) as { problems: unknown }).problems, []);
});

t.test('every endpoint is in it, and nothing else', async (t) => {
  const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId }]) => `${operationId} ${method.toUpperCase()} ${path}`),
  );
  const known = endpoints.map(({ operationId, method, path }) => `${operationId} ${method} ${path}`);
  t.strictSame(documented.sort(), known.sort());
  t.equal(new Set(endpoints.map(({ operationId }) => operationId)).size, endpoints.length, 'ids are their own');
  const tags = new Set(document.tags.map(({ name }) => name));
  t.strictSame(new Set(endpoints.map(({ tag }) => tag)), tags, 'and every tag is described');
});

t.test('every endpoint of the reference is there', async (t) => {
  const calls = new Set(endpoints.map(({ method, path }) => `${method} ${path}`));
  for (const call of [
    'POST /api-keys',
    'GET /api-keys',
    'GET /api-keys/{id}',
    'PUT /api-keys/{id}',
    'DELETE /api-keys/{id}',
    'POST /api-keys/{id}/rotate',
    'GET /api-keys/{id}/usage',
    'GET /api-keys/{id}/logs',
  ]) {
    t.ok(calls.has(call), call);
  }
});

t.test('what is sent as text and meant as a number or a boolean is described as what it is', async (t) => {
  const schemaOf = (path: string, name: string): Schema | undefined =>
    parametersOf(document.paths[path]?.['get']).find((parameter) => parameter.name === name)?.schema;
  t.strictSame(schemaOf('/api-keys', 'limit'), { type: 'integer', minimum: 1, maximum: 500 });
  t.strictSame(schemaOf('/api-keys', 'offset'), { type: 'integer', minimum: 0, maximum: 10_000 });
  t.strictSame(schemaOf('/api-keys/{id}/logs', 'follow'), { type: 'boolean' });
  t.notMatch(text, /"override"/);
});

/** Header parameters and answer headers of an operation, as the document has them. */
function headersOf(endpoint: Endpoint): Record<string, readonly string[]> {
  const operation = operationOf(endpoint);
  const asked = parametersOf(operation).filter((parameter) => parameter.in === 'header');
  const answers = Object.entries(operation?.responses ?? {}).map(([status, answer]) => [
    status,
    Object.keys(resolve(document, answer).headers ?? {}),
  ]);
  return { asked: asked.map(({ name }) => name), ...Object.fromEntries(answers) };
}

t.test('versions, repeated requests and streams show in headers', async (t) => {
  const headers = Object.fromEntries(endpoints.map((endpoint) => [endpoint.operationId, headersOf(endpoint)]));
  t.match(headers, {
    createKey: { asked: ['Idempotency-Key'], 201: ['ETag', 'Location', 'X-Request-Id'] },
    getKey: { asked: [], 200: ['ETag', 'X-Request-Id'], 401: ['WWW-Authenticate', 'X-Request-Id'] },
    patchKey: { asked: ['If-Match'], 200: ['ETag', 'X-Request-Id'], 503: ['Retry-After', 'X-Request-Id'] },
    deleteKey: { asked: ['If-Match'], 200: ['X-Request-Id'] },
    deleteRole: { asked: ['If-Match'], 204: ['X-Request-Id'] },
    getKeyLogs: { asked: ['Last-Event-ID'], 200: ['X-Request-Id'], 429: ['Retry-After', 'X-Request-Id'] },
  });
  const unguarded = endpoints.filter(({ method, params, isVersioned, operationId }) => {
    const isChange = isVersioned === true && params !== undefined && method !== 'GET';
    return isChange !== headers[operationId]?.['asked']?.includes('If-Match');
  });
  t.strictSame(unguarded, [], 'every change of a thing with versions takes If-Match, and nothing else does');
  const nameless = Object.values(headers).flatMap((names) =>
    Object.entries(names).filter(([place, sent]) => place !== 'asked' && !sent.includes('X-Request-Id')),
  );
  t.strictSame(nameless, [], 'every answer has a request id');
});

t.test('every answer that is no success is a problem with a known code', async (t) => {
  t.strictSame(document.components.schemas['Problem']?.properties?.['code']?.enum, Object.keys(FAILURES));
  for (const endpoint of endpoints) {
    const { responses = {} } = operationOf(endpoint) ?? {};
    const missing = ['400', '401', '403', '500', '503'].filter((status) => !(status in responses));
    t.strictSame(missing, [], endpoint.operationId);
  }
  for (const [name, { content = {} }] of Object.entries(document.components.responses)) {
    t.strictSame(Object.keys(content), ['application/problem+json'], name);
    t.strictSame(content['application/problem+json']?.schema, { $ref: '#/components/schemas/Problem' }, name);
  }
  const wrong = Object.values(document.paths)
    .flatMap((methods) => Object.values(methods))
    .flatMap(({ responses }) => Object.entries(responses))
    .flatMap(([status, answer]) => {
      const { examples = {} } = resolve(document, answer).content?.['application/problem+json'] ?? {};
      const codes = Object.keys(examples) as (keyof typeof FAILURES)[];
      return codes.filter((code) => String(FAILURES[code].status) !== status);
    });
  t.strictSame(wrong, [], 'each under its status');
});

/** Every schema in the document, by its pointer. */
function schemasOf(value: unknown, pointer = ''): [string, Schema][] {
  if (typeof value !== 'object' || value === null) return [];
  const own: [string, Schema][] =
    'examples' in value && Array.isArray(value.examples) ? [[pointer, value as Schema]] : [];
  const inner = Object.entries(value)
    .filter(([name]) => name !== 'examples')
    .flatMap(([name, part]) => schemasOf(part, `${pointer}/${encodeURIComponent(name.replaceAll('/', '~1'))}`));
  return [...own, ...inner];
}

t.test('every example is what its schema says', async (t) => {
  const open = schemaChecker(document, false);
  const closed = schemaChecker(document, true);
  const examples = schemasOf(document).flatMap(([pointer, { examples = [] }]) =>
    examples.map((example) => [pointer, example] as const),
  );
  t.ok(examples.length > 50, `${examples.length} examples`);
  const wrong = examples.flatMap(([pointer, example]) => [
    ...open.faults(pointer, example).map((fault) => `${pointer}: ${fault}`),
    ...closed.faults(pointer, example).map((fault) => `${pointer}: ${fault}`),
  ]);
  t.strictSame(wrong, []);
  for (const [name, { content = {} }] of Object.entries(document.components.responses)) {
    for (const { value } of Object.values(content['application/problem+json']?.examples ?? {})) {
      t.strictSame(closed.faults('/components/schemas/Problem', value), [], name);
    }
  }
});

t.test('every body that can be sent or shown has an example', async (t) => {
  const without = endpoints.flatMap((endpoint) => {
    const operation = operationOf(endpoint);
    const bodies = [
      operation?.requestBody?.content,
      ...Object.values(operation?.responses ?? {}).map((answer) => resolve(document, answer).content),
    ];
    return bodies.flatMap((content) => {
      const schema = content?.['application/json']?.schema;
      return schema === undefined || resolve(document, schema).examples !== undefined ? [] : [endpoint.operationId];
    });
  });
  t.strictSame(without, []);
});

t.test('the examples of bodies are taken by the schemas that check them', async (t) => {
  for (const endpoint of endpoints) {
    const schema = operationOf(endpoint)?.requestBody?.content['application/json']?.schema;
    if (schema === undefined) continue;
    for (const example of resolve(document, schema).examples ?? []) {
      t.equal(endpoint.body?.safeParse(example).success, true, endpoint.operationId);
    }
  }
});

t.test('the guide lists every endpoint, and its bodies are taken', async (t) => {
  const guide = readFileSync(join(ROOT, 'docs/api.md'), 'utf8');
  const rows = [...guide.matchAll(/^\| `([A-Z]+)` \| `(.+)` \| (.+) \|$/gm)].map((row) => row.slice(1).join(' '));
  t.strictSame(
    rows,
    endpoints.map(({ method, path, summary }) => `${method} ${path} ${summary}`),
  );
  const commands = [
    ...guide.matchAll(/-X ([A-Z]+) "http:\/\/[^/]+([^"]+)"[^']*(?:'If-Match[^']*'[^']*)?-d '([^']+)'/g),
  ];
  t.ok(commands.length >= 6, `${commands.length} commands send a body`);
  for (const [, method, path = '', body = ''] of commands) {
    const endpoint = endpoints.find(
      (known) => known.method === method && known.path === path.replace('$KEY_ID', '{id}'),
    );
    t.equal(endpoint?.body?.safeParse(JSON.parse(body)).success, true, `${method} ${path}`);
  }
});
