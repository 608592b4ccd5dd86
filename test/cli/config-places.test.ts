import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { mmdb } from '../support/mmdb.ts';
import { cli, folder } from './run.ts';

t.test('check reads the files about places, says where they are named, and fetches nothing', async (t) => {
  const at = folder(t);
  const [file, database, list] = [join(at, 'latchkey.yaml'), join(at, 'c.mmdb'), join(at, 'exits.txt')];
  const base = 'upstreams: [{ url: "http://127.0.0.1:9000" }]\naccess: { any_key: ["* /*"] }\n';
  writeFileSync(file, `${base}country:\n  database: ${database}\ntor: { list_file: ${list} }\n`);
  writeFileSync(list, '192.0.2.1\n<html>\n');
  const check = (...more: string[]) => cli(['config', 'check', '--config', file, ...more]);
  const bad = await check();
  t.strictSame([bad.code, bad.stdout], [1, '']);
  t.strictSame(bad.stderr.trimEnd().split('\n'), [
    `${file}:4:13: country.database: "${database}" cannot be read (ENOENT)`,
    `${file}:5:19: tor.list_file: "${list}" line 2: "<html>" is not an address; expected one like 192.0.2.1`,
  ]);
  const json = await check('--json');
  t.equal(json.code, 1);
  t.match(JSON.parse(json.stdout), {
    problems: [
      { file, line: 4, column: 13, path: 'country.database' },
      { file, line: 5, column: 19, path: 'tor.list_file' },
    ],
    omitted: 0,
    warnings: [],
  });
  writeFileSync(database, mmdb([['203.0.113.0/24', { country: 'NL' }]]));
  writeFileSync(list, '192.0.2.1\n');
  t.strictSame(await check(), { code: 0, stdout: `${file}: no mistakes\n`, stderr: '' });
  // A port that nobody listens on: a fetch would fail.
  writeFileSync(file, `${base}tor: { list_url: "http://127.0.0.1:1/", kept_file: ${join(at, 'none')} }\n`);
  t.equal((await check()).code, 0);
});
