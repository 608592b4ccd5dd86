import t from 'tap';
import { interpolate } from '../../src/config/interpolate.ts';
import { complaints, load } from '../support/config.ts';

const environment = { HOST: 'db', EMPTY: '', NESTED: '${HOST}', DOLLAR: '$', PORT: '8080' };

t.test('names are filled in from the environment', async (t) => {
  const known: Record<string, string> = {
    'a ${HOST} b ${PORT}': 'a db b 8080',
    '${HOST}': 'db',
    'x${EMPTY}y': 'xy',
    '${NOPE:-fallback}': 'fallback',
    '${EMPTY:-fallback}': 'fallback',
    '${HOST:-fallback}': 'db',
    '${NOPE:-}': '',
    '${NOPE:-redis://h:1/0}': 'redis://h:1/0',
    'plain $HOST and $ and }': 'plain $HOST and $ and }',
  };
  for (const [text, value] of Object.entries(known)) t.equal(interpolate(text, environment), value, text);
});

t.test('"$${" is a plain "${"', async (t) => {
  t.equal(interpolate('$${HOST}', environment), '${HOST}');
  t.equal(interpolate('$${HOST} ${HOST}', environment), '${HOST} db');
});

t.test('what was filled in is not read again', async (t) => {
  t.equal(interpolate('${NESTED}', environment), '${HOST}');
  t.equal(interpolate('${DOLLAR}{HOST}', environment), '${HOST}');
});

t.test('what cannot be filled in is a fault that names the variable', async (t) => {
  t.match(interpolate('${NOPE}', environment), { fault: /NOPE is not set/ });
  t.match(interpolate('${}', environment), { fault: /NAME of letters/ });
  t.match(interpolate('${1X}', environment), { fault: /NAME of letters/ });
  t.match(interpolate('${HOST', environment), { fault: /never closed/ });
});

t.test('a variable is a value, whatever it holds: it cannot add a setting', async (t) => {
  const found = complaints('log: { level: "${LEVEL}" }', { LEVEL: 'info\nrequests: false' });
  t.match(found, [/^log.level: expected one of trace, .*got "info\\nrequests: false"$/]);
});

t.test('names of settings are not filled in', async (t) => {
  t.match(complaints('"${NAME}": 1', { NAME: 'log' }), [/\$\{NAME\}.*: unknown setting/]);
});

t.test('numbers and switches can come from the environment', async (t) => {
  const { config } = load('proxy: { max_headers: "${N}", allow_path_parameters: "${ON}" }', { N: '50', ON: 'true' });
  t.equal(config.proxy.maxHeaders, 50);
  t.equal(config.proxy.allowPathParameters, true);
});

t.test('a variable that is not set is one problem, not two', async (t) => {
  t.match(complaints('log:\n  level: ${NOPE}'), [/^log.level: the environment variable NOPE is not set/]);
});

t.test('a value with "${" inside brackets is explained', async (t) => {
  t.match(complaints('keys: { prefix: ${NOPE} }')[0], /must be quoted/);
});
