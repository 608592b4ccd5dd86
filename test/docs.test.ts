import { readFileSync } from 'node:fs';
import t from 'tap';
import { DENIALS } from '../src/core/denial.ts';
import { FAILURES } from '../src/management/failures.ts';

type Table = Readonly<Record<string, { readonly status: number; readonly title: string }>>;

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');

function documented(section: string): unknown[] {
  const rows = [...section.matchAll(/^\| `([a-z_]+)` \| (\d{3}) \| (.+?) \| .+ \|$/gm)];
  return rows.map(([, code, status, title]) => ({ code, status: Number(status), title }));
}

function known(table: Table): unknown[] {
  return Object.entries(table).map(([code, { status, title }]) => ({ code, status, title }));
}

t.test('docs/errors.md lists every denial and failure with its status and title, and no others', async (t) => {
  const [gateway = '', management = ''] = read('docs/errors.md').split('\n## Management API\n');
  t.same(
    documented(gateway),
    known(DENIALS),
    'the tables in the document and in the code are the same, in the same order',
  );
  t.same(documented(management), known(FAILURES));
});
