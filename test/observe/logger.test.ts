import t from 'tap';
import type { LogConfig } from '../../src/config/config.ts';
import { newSecret, SECRET_PATTERN } from '../../src/keys/secret.ts';
import { createLogger, type GatewayLog, type LoggerOptions } from '../../src/observe/logger.ts';
import { createRequestLog } from '../../src/observe/request-log.ts';
import { capture } from './capture.ts';
import { exchange } from './exchange.ts';

async function written(
  use: (log: GatewayLog) => void,
  config: Partial<LogConfig> = {},
  options: Partial<LoggerOptions> = {},
): Promise<string> {
  const { stream, text } = capture();
  const log = createLogger(
    { level: 'info', format: 'auto', requests: true, ...config },
    { stdoutIsTerminal: false, destination: stream, ...options },
  );
  use(log);
  await log.close();
  return text();
}

t.test('a line is JSON with level, ISO time and message, and says nothing of the machine', async (t) => {
  const line = JSON.parse(await written(({ logger }) => logger.warn({ port: 8080 }, 'listening')));
  t.match(line, { level: 'warn', time: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, port: 8080, msg: 'listening' });
  t.strictSame(Object.keys(line), ['level', 'time', 'port', 'msg']);
});

t.test('no line holds a secret, wherever in it one was put', async (t) => {
  const secret = newSecret('lk');
  const text = await written(({ logger }) => {
    logger.info(`used ${secret}`);
    logger.info({ deep: { list: [{ value: secret }] } }, 'deep');
    logger.info({ [secret]: 1 }, 'as a name');
    logger.child({ bound: secret }).info('bound');
    logger.info('%s formatted', secret);
    logger.error({ err: new Error(`failed with Bearer ${secret}`, { cause: new Error(secret) }) }, 'error');
    logger.error(new Error(`Authorization: Basic ${secret.slice(3, 20)}`));
  });
  t.equal(text.match(SECRET_PATTERN), null);
  t.notMatch(text, secret.slice(3, 20));
  t.equal(
    text
      .trimEnd()
      .split('\n')
      .filter((line) => JSON.parse(line)).length,
    7,
  );
});

t.test('of an error only named fields are written, since libraries put arguments on theirs', async (t) => {
  const error = Object.assign(new TypeError('refused', { cause: Object.assign(new Error('why'), { code: 'EPERM' }) }), {
    code: 'WRONGPASS',
    command: { name: 'auth', args: ['hunter2'] },
  });
  for (const field of ['err', 'error']) {
    const text = await written(({ logger }) => logger.error({ [field]: error }, 'store'));
    const fields = JSON.parse(text)[field];
    t.match(fields, { type: 'TypeError', message: 'refused', code: 'WRONGPASS', stack: /logger\.test/ });
    t.match(fields.cause, { type: 'Error', message: 'why', code: 'EPERM' });
    t.notMatch(text, 'hunter2');
  }
  t.match(JSON.parse(await written(({ logger }) => logger.error({ err: 'text' }))).err, { message: 'text' });
});

t.test('whatever is logged, a line is bounded', async (t) => {
  const loop = new Error('a'.repeat(100_000));
  loop.cause = loop;
  const looped = await written(({ logger }) => logger.error({ err: loop }));
  t.ok(looped.length < 66_000, 'errors that cause each other');
  t.match(JSON.parse(looped), { level: 'error', err: { type: 'Error' }, msg: /^a{2048}\.\.\.$/ });
  const fields = (count: number): object =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`field${i}`, 'b'.repeat(5000)]));
  const some = await written(({ logger }) => logger.info(fields(50), 'some'));
  t.ok(some.length < 66_000, 'some fields');
  t.match(JSON.parse(some), { msg: 'some', field49: /^b{1024}\.\.\.$/ }, 'all of them are kept');
  const text = await written(({ logger }) => logger.info(fields(2000), 'wide'));
  t.ok(text.length < 66_000, 'many fields');
  t.match(JSON.parse(text), { level: 'info', msg: 'wide', cut: true });
});

t.test('a terminal gets text, anything else JSON, unless the configuration says which', async (t) => {
  const cases: [LogConfig['format'], boolean, boolean][] = [
    ['auto', true, false],
    ['auto', false, true],
    ['json', true, true],
    ['pretty', false, false],
  ];
  for (const [format, stdoutIsTerminal, isJson] of cases) {
    const text = await written(({ logger }) => logger.info('started'), { format }, { stdoutIsTerminal });
    t.equal(text.startsWith('{'), isJson, `${format}, terminal: ${stdoutIsTerminal}`);
    t.match(text, 'started');
  }
});

t.test('colours are for terminals, and for those who want them', async (t) => {
  const line = (options: Partial<LoggerOptions>): Promise<string> =>
    written(({ logger }) => logger.info('started'), { format: 'pretty' }, options);
  t.match(await line({ stdoutIsTerminal: true }), '\u001b[');
  t.notMatch(await line({ stdoutIsTerminal: true, colors: false }), '\u001b');
  t.notMatch(await line({ stdoutIsTerminal: false }), '\u001b');
});

t.test('in text too, no entry can be forged and no terminal be commanded', async (t) => {
  const forged = 'x\n[10:00:00.000] INFO: forged\r\u001b[2J\u009b2J\u2028\u202e\u0007';
  const error = new Error(forged);
  const text = await written(
    ({ logger, writeLine }) => {
      logger.info(forged);
      logger.info({ value: forged, [forged]: 1 }, 'fields');
      logger.error({ err: error }, 'error');
      logger.error(error);
      logger.error({ type: 'Error', stack: forged }, 'looks like one');
      createRequestLog({ logger, writeLine, dropped: () => 0, close: async () => {} })(
        exchange({ path: forged, userAgent: forged, failure: forged, method: forged }),
      );
    },
    { format: 'pretty' },
  );
  t.notMatch(text, /(?!\n)[\p{Cc}\u2028\u202e]/u);
  const entries = text
    .trimEnd()
    .split('\n')
    .filter((line) => /^\S/.test(line));
  t.equal(entries.length, 6, 'one entry for each call; all other lines are indented');
  t.ok(entries.every((line) => /^\[\d\d:\d\d:\d\d\.\d{3}\] (?:INFO|ERROR): /.test(line)));
});

t.test('in text, a request reads at a glance', async (t) => {
  const text = await written((log) => createRequestLog(log)(exchange({ status: 201 })), { format: 'pretty' });
  t.match(text, /^\[[\d:.]+\] INFO: GET \/api\/domains\/7 201 \{.*"request_id":"req-1".*\}\n$/);
});

t.test('the level holds, and can be changed while running', async (t) => {
  const text = await written(
    (log) => {
      const requests = createRequestLog(log);
      requests(exchange({ requestId: 'before' }));
      log.logger.info('before');
      log.logger.level = 'info';
      requests(exchange({ requestId: 'after' }));
      log.logger.info('after');
    },
    { level: 'error' },
  );
  t.notMatch(text, 'before');
  t.equal(text.trimEnd().split('\n').length, 2);
  t.equal(await written(({ logger }) => logger.fatal('x'), { level: 'silent' }), '');
});

t.test(
  'among others that write to the same output, a line names the worker and fits into a pipe as one piece',
  async (t) => {
    const err = new Error('é'.repeat(5_000), { cause: new Error('\u202e'.repeat(5_000)) });
    const fields = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`field${i}`, '\u007f'.repeat(70)]));
    const calls: ((log: GatewayLog) => void)[] = [
      ({ logger }) => logger.error({ err, odd: '\u007f'.repeat(4_000), rest: 'a'.repeat(70_000) }, 'failed'),
      ({ logger }) => logger.info(fields, 'wide'),
      ({ writeLine }) => writeLine(`{"level":"info","msg":"request","path":"${'\\u00e9'.repeat(1_000)}"}\n`),
      ({ writeLine }) => writeLine('{"level":"info","msg":"request","path":"/a"}\n'),
    ];
    const among = { worker: 3 };
    const pretty = await Promise.all(calls.map((call) => written(call, { format: 'pretty' }, { among })));
    const json = await Promise.all(calls.map((call) => written(call, { format: 'json' }, { among })));
    for (const line of [...pretty, ...json]) t.ok(Buffer.byteLength(line) <= 4096, `${Buffer.byteLength(line)} bytes`);
    const [failed, wide, request, short] = json.map((line) => JSON.parse(line) as Record<string, unknown>);
    t.match(failed, { level: 'error', worker: 3, msg: 'failed', err: { message: /^é{64,}\.\.\.$/ } });
    t.match(wide, { level: 'info', worker: 3, msg: 'wide', cut: true });
    t.match(request, { worker: 3, msg: 'request', path: /^é{64,}/ });
    t.strictSame(short, { level: 'info', msg: 'request', path: '/a', worker: 3 });
    const supervisor = await written(({ logger }) => logger.info('x'), {}, { among: { worker: null } });
    t.notMatch(supervisor, 'worker');
  },
);
