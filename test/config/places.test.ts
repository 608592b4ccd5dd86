import t from 'tap';
import { parseConfig } from '../../src/config/load.ts';
import { printConfig, settings } from '../../src/config/print.ts';
import { complaints, load } from '../support/config.ts';

const places = (yaml: string) => load(yaml).config.places;

t.test('places are files, and a list may be fetched instead', async (t) => {
  t.strictSame(places(''), { countryDatabase: null, torList: null });
  t.strictSame(places('country: { database: c.mmdb }\ntor: { list_file: t.txt }'), {
    countryDatabase: 'c.mmdb',
    torList: { kind: 'file', path: 't.txt' },
  });
  const url = 'https://check.torproject.org/torbulkexitlist';
  t.strictSame(places(`tor: { list_url: "${url}" }`).torList, {
    kind: 'url',
    url,
    refreshMs: 3_600_000,
    keptFile: './data/tor-exits.txt',
  });
  t.strictSame(places('tor: { list_url: "http://127.0.0.1:1/x", refresh: 90s, kept_file: off }').torList, {
    kind: 'url',
    url: 'http://127.0.0.1:1/x',
    refreshMs: 90_000,
    keptFile: null,
  });
  t.match(places('tor: { list_url: "https://a/", kept_file: /k }').torList, { keptFile: '/k' });
});

t.test('what is printed of them gives the same again', async (t) => {
  const sources = [
    '',
    'list_file: a',
    'list_url: "https://a/b", refresh: 2h',
    'list_url: "https://a/", kept_file: off',
  ];
  for (const tor of sources) {
    const { config } = load(`country: { database: c.mmdb }\ntor: { ${tor} }`);
    t.strictSame(parseConfig(printConfig(config), 'test.yaml', {}).config.places, config.places, tor);
  }
});

t.test('what is wrong with them is said', async (t) => {
  const said = (tor: string): string[] => complaints(`tor: ${tor}`);
  t.strictSame(said('{ list_file: a, list_url: "https://a/" }'), [
    'tor.list_url: expected either list_file or list_url, got both',
  ]);
  t.strictSame(said('{ list_file: a, refresh: 2h, kept_file: k }'), [
    'tor.refresh: is for list_url, which is not set',
    'tor.kept_file: is for list_url, which is not set',
  ]);
  t.strictSame(said('{ list: t.txt }'), [
    'tor.list: unknown setting; expected one of list_file, list_url, refresh, kept_file',
  ]);
  for (const refresh of ['59s', '8d', '0']) {
    t.match(said(`{ list_url: "https://a/", refresh: ${refresh} }`), [
      /^tor.refresh: expected a duration .* from 1m to 7d/,
    ]);
  }
  t.match(said('{ list_url: "https://a/", kept_file: "" }'), [/^tor.kept_file: expected the path of a file, or off/]);
  t.match(said('{ list_url: "http://lists.example.com/" }'), [
    'tor.list_url: expected https://; http:// is for this machine alone, got "http://lists.example.com/"',
  ]);
  const hidden = said('{ list_url: "https://me:hunter2@a/" }');
  t.match(hidden, [/^tor.list_url: expected an URL like .*, without user and password$/]);
  for (const url of ['ftp://a/', 'https://', 'https://a/#b', 'exits.txt']) {
    t.match(said(`{ list_url: "${url}" }`), [/^tor.list_url: expected an URL like/], url);
  }
});

t.test('what may be a secret in the URL of a list is neither printed nor repeated', (t) => {
  for (const url of ['https://a/b?token=TOPSECRET', 'https://a/b?TOPSECRET?c']) {
    const { config } = load(`tor: { list_url: "${url}" }`);
    t.match(config.places.torList, { url });
    t.match(settings(config), { tor: { list_url: 'https://a/b?********' } });
    t.notMatch(printConfig(config), /TOPSECRET/);
  }
  for (const url of [
    'http://lists.example.com/?token=TOPSECRET',
    'https://a/b?token=TOPSECRET#part',
    'https://a/b#TOPSECRET',
    'https://a/b?token=TOP SECRET',
    'https://?TOPSECRET',
    'https://me:TOPSECRET@a/',
    '?TOPSECRET',
  ]) {
    const said = complaints(`tor: { list_url: "${url}" }`);
    t.match(said, [/^tor.list_url: expected /], url);
    t.notMatch(said, [/TOP|SECRET/], url);
  }
  t.strictSame(complaints('tor: { list_url: "http://lists.example.com/x?token=TOPSECRET" }'), [
    'tor.list_url: expected https://; http:// is for this machine alone, got "http://lists.example.com/x?********"',
  ]);
  t.end();
});
