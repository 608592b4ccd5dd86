import { readFileSync } from 'node:fs';
import t from 'tap';
import { DENIALS } from '../src/core/denial.ts';

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');

t.test('docs/errors.md lists every denial with its status and title, and no others', async (t) => {
  const rows = [...read('docs/errors.md').matchAll(/^\| `([a-z_]+)` \| (\d{3}) \| (.+?) \| .+ \|$/gm)];
  const documented = rows.map(([, code, status, title]) => ({ code, status: Number(status), title }));
  const known = Object.entries(DENIALS).map(([code, { status, title }]) => ({ code, status, title }));
  t.same(documented, known, 'the table in the document and the table in the code are the same, in the same order');
});
