/** Secrets never get into what the gateway says: logs, metrics, errors, messages, the process table. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { newSecret } from '../../src/keys/secret.ts';
import type { UpstreamRequest } from '../support/raw-upstream.ts';
import { createKey, type Stage, stage, within } from './fixture.ts';

const PEPPER = randomBytes(32).toString('hex');
const UPSTREAM_TOKEN = newSecret('upstream');
const env = { PEPPER, UPSTREAM: `Bearer ${UPSTREAM_TOKEN}` };
const settings = {
  keys: { peppers: [{ version: 1, secret: '${PEPPER}' }] },
  log: { level: 'trace' },
};

/** Upstreams repeat what they are sent, and break off in the middle of it. */
function onRequest(request: UpstreamRequest): void {
  if (request.target.includes('broken'))
    request.reply(`HTTP/1.1 200 OK\r\n${request.target} \0: ${request.text}\r\n\r\n`);
  else if (request.target.includes('cut')) request.socket.destroy();
  else request.ok();
}

const gateway = await stage(t, { settings, env, upstream: { authorization: { from_env: 'UPSTREAM' } }, onRequest });
const permitted = await createKey(gateway.config, env, ['--permission', 'admin:write']);

/** What must never be said, and of each, the part that is random. */
const SECRETS: Readonly<Record<string, string>> = {
  good: gateway.key.secret,
  'good for more': permitted.secret,
  unknown: newSecret('lk'),
  'of another prefix': newSecret('acme_live'),
  'with a wrong checksum': `${newSecret('lk').slice(0, -6)}000000`,
  'too long': `lk_${randomBytes(400).toString('hex')}`,
};

const UNSAID = [...Object.values(SECRETS), PEPPER, UPSTREAM_TOKEN].map((secret) => secret.slice(-40, -6));

/** Fails when a text holds a good part of a secret, as it is or as some encoding of it. */
function saysNothing(t: Test, text: string, where: string): void {
  for (const part of UNSAID) {
    const encodings = [part, Buffer.from(part).toString('base64').slice(2, -4), Buffer.from(part).toString('hex')];
    const found = encodings.filter((each) => text.includes(each) || text.toLowerCase().includes(each.toLowerCase()));
    t.strictSame(found, [], `${where} holds no secret`);
  }
}

/** Requests with a secret in every place that a request has. */
function requestsWith(secret: string): Readonly<Record<string, string>> {
  const { auth } = gateway;
  const request = (target: string, lines: string, method = 'GET'): string =>
    `${method} ${target} HTTP/1.1\r\nHost: a\r\n${lines}\r\n`;
  const encoded = secret.replace('_', '%5F').replace('k', '%6b');
  return {
    'as the credential': request('/x', `Authorization: Bearer ${secret}\r\n`),
    'as the credential, refused': request('/admin', `Authorization: Bearer ${secret}\r\n`),
    'as a credential without a scheme': request('/x', `Authorization: ${secret}\r\n`),
    'as a credential of another scheme': request(
      '/x',
      `Authorization: Basic ${Buffer.from(`x:${secret}`).toString('base64')}\r\n`,
    ),
    'in a credential that is folded': request('/x', `Authorization: Bearer\r\n ${secret}\r\n`),
    'in two credentials': request('/x', `Authorization: Bearer ${secret}\r\nAuthorization: Bearer ${secret}\r\n`),
    'in a credential with a NUL': request('/x', `Authorization: Bearer ${secret}\0\r\n`),
    'in the path': request(`/x/${secret}/y`, auth),
    'in the path, encoded': request(`/x/${encoded}`, auth),
    'in a path that is refused': request(`/x/../${secret}`, auth),
    'in a path without a key': request(`/x/${secret}`, ''),
    'in a path of the upstream’s': request(`/broken/${secret}`, auth),
    'in a path that is cut off': request(`/cut/${secret}`, auth, 'POST'),
    'in the query': request(`/x?api_key=${secret}&token=${encoded}`, auth),
    'in a query that is refused': request(`/x?${secret}#`, auth),
    'in an absolute target': request(`http://${secret}@a/x`, auth),
    'as a name': request('/x', `${auth}${secret}: 1\r\n`),
    'as a name that is refused': request('/x', `${auth}${secret} : 1\r\n`),
    'in a cookie': request('/x', `${auth}Cookie: session=${secret}\r\n`),
    'as the request id': request('/x', `${auth}X-Request-Id: ${secret}\r\n`),
    'as the request id, refused': request('/x', `X-Request-Id: ${secret}\r\n`),
    'as the request id, malformed': request('/x/..', `X-Request-Id: a.${secret}\r\n`),
    'as the user agent': request('/x', `${auth}User-Agent: curl ${secret}\r\n`),
    'as the user agent, refused': request('/x', `User-Agent: ${encoded} Bearer ${secret}\r\n`),
    'as the Host': request('/x', '').replace('Host: a', `Host: ${secret}`),
    'as the method': request('/x', auth, secret.toUpperCase()),
    'in X-Forwarded-For': request('/x', `${auth}X-Forwarded-For: ${secret}\r\n`),
    'in other headers': request(
      '/x',
      `${auth}X-Api-Key: ${secret}\r\nReferer: http://a/?k=${secret}\r\nProxy-Authorization: Bearer ${secret}\r\n`,
    ),
    'as a subprotocol': request(
      '/x',
      `${auth}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: ${secret}\r\n`,
    ),
    'in a body': `${request('/x', `${auth}Content-Length: ${secret.length}\r\n`, 'POST')}${secret}`,
    'in a chunk size': `${request('/x', `${auth}Transfer-Encoding: chunked\r\n`, 'POST')}${secret}\r\n`,
    'as no request at all': `${secret}\r\n\r\n`,
  };
}

async function send(stage: Stage, bytes: string): Promise<string> {
  const client = await stage.dial();
  client.send(bytes);
  await within(client.answer(), 'an answer');
  client.close();
  return client.received;
}

t.test('no answer of the gateway’s own repeats a secret', async (t) => {
  for (const [kind, secret] of Object.entries(SECRETS)) {
    for (const [place, bytes] of Object.entries(requestsWith(secret))) {
      saysNothing(t, await send(gateway, bytes), `the answer to one that is ${kind}, ${place},`);
    }
  }
});

t.test('nor do the metrics, the process table, the log, or what is said on the way', async (t) => {
  const metrics = await (await fetch(`${gateway.serving.healthUrl}/metrics`)).text();
  t.match(metrics, 'latchkey_denials_total{code="key_not_found"}');
  saysNothing(t, metrics, '/metrics');
  for (const path of ['/readyz', '/livez', '/metrics/../x']) {
    saysNothing(t, await (await fetch(gateway.serving.healthUrl + path)).text(), path);
  }
  const { pid } = gateway.serving.child;
  for (const file of ['cmdline', 'comm', 'stat', 'status']) {
    saysNothing(t, readFileSync(`/proc/${pid}/${file}`, 'latin1'), `/proc/…/${file}`);
  }
  t.equal(await gateway.stop(), 0);
  const requests = gateway.logged().filter(({ msg }) => msg === 'request');
  t.ok(requests.length > 100, `${requests.length} requests are in the log`);
  t.ok(
    requests.some(({ key_id }) => key_id === gateway.key.id),
    'by the id of the key',
  );
  t.ok(
    requests.some(({ path }) => String(path).includes('[secret]')),
    'and where a secret was, it says so',
  );
  saysNothing(t, gateway.serving.stdout, 'the log');
  saysNothing(t, gateway.serving.stderr, 'standard error');
});
