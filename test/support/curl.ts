/** As much of curl as the examples in the documentation use: `-s`, `-X METHOD`, `-H HEADER`, `-d BODY`, one URL. */
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    silent: { type: 'boolean', short: 's' },
    request: { type: 'string', short: 'X' },
    header: { type: 'string', short: 'H', multiple: true, default: [] },
    data: { type: 'string', short: 'd' },
  },
});
const [url, ...others] = positionals;
if (url === undefined || others.length > 0) throw new Error(`expected one URL, got ${positionals.join(' ')}`);
const headers = values.header.map((line): [string, string] => {
  const colon = line.indexOf(':');
  return [line.slice(0, colon), line.slice(colon + 1).trim()];
});
const answer = await fetch(url, {
  method: values.request ?? (values.data === undefined ? 'GET' : 'POST'),
  headers,
  ...(values.data === undefined ? {} : { body: values.data }),
});
process.stdout.write(`${await answer.text()}\n`);
