import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { parse } from 'yaml';
import { cli, folder } from './run.ts';

const SHIPPED = fileURLToPath(new URL('../../config/latchkey.yaml', import.meta.url));
const UPSTREAM = 'upstreams: [{ url: "http://127.0.0.1:9000" }]\n';
const ACCESS = 'access: { any_key: ["* /*"] }\n';

/** A file whose second line is the first of the text. */
function fileIn(t: { teardown(handler: () => void): void }, text: string): string {
  const file = join(folder(t), 'latchkey.yaml');
  writeFileSync(file, `${UPSTREAM}${text}${ACCESS}`);
  return file;
}

t.test('check finds no mistakes in the configuration that is shipped', async (t) => {
  t.strictSame(await cli(['config', 'check', '--config', SHIPPED]), {
    code: 0,
    stdout: `${SHIPPED}: no mistakes\n`,
    stderr: '',
  });
  t.strictSame(JSON.parse((await cli(['config', 'check', '--config', SHIPPED, '--json'])).stdout), {
    file: SHIPPED,
    problems: [],
    omitted: 0,
    warnings: [],
  });
});

t.test('check reports every mistake where it stands, and fails', async (t) => {
  const file = fileIn(t, `proxy:\n  lisen: :80\nkeys: { prefix: "9" }\n`);
  const { code, stdout, stderr } = await cli(['config', 'check', '--config', file]);
  t.equal(code, 1);
  t.equal(stdout, '');
  t.match(
    stderr,
    new RegExp(`^${file}:3:3: proxy.lisen: unknown setting; .*\\n${file}:4:17: keys.prefix: expected .*\\n$`),
  );
  const json = await cli(['config', 'check', '--config', file, '--json']);
  t.equal(json.code, 1);
  t.equal(json.stderr, '', 'in JSON there is one document either way');
  t.match(JSON.parse(json.stdout), {
    problems: [
      { path: 'proxy.lisen', line: 3 },
      { path: 'keys.prefix', line: 4 },
    ],
    warnings: [],
  });
});

t.test('check warns of what was probably not meant, and does not fail for that', async (t) => {
  const file = fileIn(t, `proxy:\n  trusted_proxies: [0.0.0.0/0]\n`);
  const { code, stdout, stderr } = await cli(['config', 'check'], { LATCHKEY_CONFIG: file });
  t.equal(code, 0);
  t.equal(stderr, '');
  t.match(stdout, `${file}:3:21: proxy.trusted_proxies[0]: warning: believes the headers of everybody`);
  const json = await cli(['config', 'check', '--config', file, '--json']);
  t.match(JSON.parse(json.stdout), { problems: [], warnings: [{ path: 'proxy.trusted_proxies[0]', line: 3 }] });
});

t.test('print shows every setting and no secret', async (t) => {
  const secret = 'hunter2-hunter2-hunter2-hunter2-hunter2';
  const file = fileIn(
    t,
    `keys: { peppers: [{ version: 1, secret: "\${PEPPER}" }] }\nstore: redis://:s3cr3t@127.0.0.1/0\n`,
  );
  const environment = { PEPPER: secret };
  const { code, stdout } = await cli(['config', 'print', '--config', file], environment);
  t.equal(code, 0);
  const printed = parse(stdout) as Record<string, unknown>;
  t.match(printed, { proxy: { listen: '0.0.0.0:8080' }, keys: { prefix: 'lk', peppers: [{ version: 1 }] } });
  t.notMatch(stdout, secret);
  t.notMatch(stdout, 's3cr3t');
  const json = await cli(['config', 'print', '--config', file, '--json'], environment);
  t.strictSame(JSON.parse(json.stdout), printed, 'and in JSON the same');
  const missing = await cli(['config', 'print', '--config', file]);
  t.equal(missing.code, 1);
  t.match(missing.stderr, /PEPPER/);
});

t.test('schema prints the file that is shipped for editors', async (t) => {
  const { code, stdout } = await cli(['config', 'schema']);
  t.equal(code, 0);
  const shipped = readFileSync(fileURLToPath(new URL('../../config/latchkey.schema.json', import.meta.url)), 'utf8');
  t.strictSame(JSON.parse(stdout), JSON.parse(shipped));
});
