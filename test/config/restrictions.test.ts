import t from 'tap';
import { configJsonSchema } from '../../src/config/json-schema.ts';
import { restartOnly } from '../../src/config/restart.ts';
import { complaints, load } from '../support/config.ts';

/** The file of a place is not opened by who only reads the configuration. */
const PLACES = 'country: { database: countries.mmdb }\ntor: { list_file: exits.txt }\n';

/** Problems of a configuration with these rules, and with everything that they need. */
function faults(rules: string): string[] {
  return complaints(`${PLACES}restrictions: ${rules}\n`);
}

function rulesOf(rules: string) {
  return load(`${PLACES}restrictions: ${rules}\n`).config.restrictions;
}

t.test('without the section nobody is refused, and nothing is in shadow', async (t) => {
  const none = {
    ip: { allow: [], deny: [], isShadow: false },
    country: { block: [], blockUnknown: false, isShadow: false },
    tor: { block: false, isShadow: false },
    shadow: [],
  };
  t.strictSame(load('').config.restrictions, none);
  t.strictSame(rulesOf('{}'), none);
  t.strictSame(rulesOf('{ ip: {}, country: {}, tor: {}, shadow: [] }'), none);
});

t.test('all that is written is taken over', async (t) => {
  t.strictSame(
    rulesOf(`
  ip: { allow: [10.0.0.0/8, "2001:db8::/32"], deny: [10.66.0.0/16, 192.0.2.7], mode: shadow }
  country: { block: [RU, KP], block_unknown: true, mode: shadow }
  tor: { block: true, mode: shadow }
  shadow: [ip, country, tor, time, user_agent, limits]`),
    {
      ip: { allow: ['10.0.0.0/8', '2001:db8::/32'], deny: ['10.66.0.0/16', '192.0.2.7'], isShadow: true },
      country: { block: ['RU', 'KP'], blockUnknown: true, isShadow: true },
      tor: { block: true, isShadow: true },
      shadow: ['ip', 'country', 'tor', 'time', 'user_agent', 'limits'],
    },
  );
  t.match(rulesOf('{ ip: { deny: [::1], mode: enforce } }'), { ip: { isShadow: false } });
});

t.test('what is wrong is named, with its place', async (t) => {
  const cases: [rules: string, fault: RegExp][] = [
    ['{ ip: { deny: [10.0.0.0/33] } }', /^restrictions\.ip\.deny\[0\]: expected an address or a CIDR.*10\.0\.0\.0\/33/],
    ['{ ip: { allow: ["::1", localhost] } }', /^restrictions\.ip\.allow\[1\]: expected an address or a CIDR/],
    ['{ ip: { deny: 10.0.0.0/8 } }', /^restrictions\.ip\.deny: expected a list/],
    ['{ ip: { block: [] } }', /^restrictions\.ip\.block: unknown setting/],
    ['{ ip: { mode: observe } }', /^restrictions\.ip\.mode: expected .*enforce.*shadow/],
    ['{ country: { block: [nl] } }', /^restrictions\.country\.block\[0\]: .*did you mean "NL"\?$/],
    ['{ country: { block: [UK] } }', /^restrictions\.country\.block\[0\]: .*did you mean "GB"\?$/],
    ['{ country: { block: [NL, XX] } }', /^restrictions\.country\.block\[1\]: expected an ISO 3166-1 alpha-2 code/],
    ['{ country: { allow: [NL] } }', /^restrictions\.country\.allow: unknown setting/],
    ['{ country: { block_unknown: sometimes } }', /^restrictions\.country\.block_unknown: expected/],
    ['{ tor: { block: maybe } }', /^restrictions\.tor\.block: expected/],
    ['{ tor: true }', /^restrictions\.tor: expected/],
    ['{ shadow: [times] }', /^restrictions\.shadow\[0\]: expected one of ip, country.*did you mean "time"\?$/],
    [
      '{ shadow: [limits, rates] }',
      /^restrictions\.shadow\[1\]: expected one of ip, country, tor, time, user_agent, limits/,
    ],
    ['{ shadow: ip }', /^restrictions\.shadow: expected a list/],
    ['{ time: { block: true } }', /^restrictions\.time: unknown setting/],
  ];
  for (const [rules, fault] of cases) t.match(faults(rules), [fault], rules);
});

t.test('a block that nobody can be in is no rule: IPv6 addresses that hold IPv4 ones are those', async (t) => {
  for (const network of ['2002::/16', '64:ff9b::/96', '::ffff:0:0/96', '::ffff:0:0:0/96', '2001::/32']) {
    for (const list of ['allow', 'deny']) {
      t.strictSame(faults(`{ ip: { ${list}: ["${network}"] } }`), [
        `restrictions.ip.${list}[0]: this block covers a whole range of IPv4-in-IPv6 addresses; such clients are seen by their IPv4 address, so list that`,
      ]);
    }
  }
  for (const network of [
    '2002:cb00:7100::/40',
    '64:ff9b::/104',
    '::ffff:10.0.0.0/104',
    '::/0',
    '2000::/3',
    '2001::/16',
    '2001::/97',
    '64:ff9b:1::/48',
  ]) {
    t.strictSame(faults(`{ ip: { deny: ["${network}"] } }`), [], network);
  }
});

t.test('a rule on places needs to be told of places', async (t) => {
  const alone = (rules: string): string[] => complaints(`restrictions: ${rules}\n`);
  t.strictSame(alone('{ country: { block: [NL] } }'), [
    'restrictions.country.block: needs country.database: without it no country is known, and nobody would be blocked',
  ]);
  t.strictSame(alone('{ country: { block_unknown: true, mode: shadow } }'), [
    'restrictions.country.block_unknown: needs country.database: without it no country is known, and everybody would be blocked',
  ]);
  t.strictSame(alone('{ tor: { block: true } }'), [
    'restrictions.tor.block: needs tor.list_url or tor.list_file: without a list everybody would be blocked',
  ]);
  t.strictSame(alone('{ country: { block: [] }, tor: { block: false } }'), []);
  t.strictSame(
    complaints('tor: { list_url: "https://example.com/exits" }\nrestrictions: { tor: { block: true } }\n'),
    [],
  );
});

t.test('rules and what is in shadow are taken over by a reload', async (t) => {
  const before = load(PLACES).config;
  const after = load(`${PLACES}restrictions: { ip: { deny: ["::1"] }, tor: { block: true }, shadow: [limits] }`).config;
  t.strictSame(restartOnly(before, after), []);
});

t.test('editors are told of the names', async (t) => {
  const text = JSON.stringify(configJsonSchema().properties?.['restrictions']);
  for (const name of ['block_unknown', 'enforce', 'shadow', 'ip, country, tor, time, user_agent, limits']) {
    t.match(text, name);
  }
});
