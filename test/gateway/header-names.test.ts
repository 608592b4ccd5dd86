import t from 'tap';
import { classOf, HeaderClass } from '../../src/gateway/header-names.ts';

t.test('what is done with a name does not depend on how many others were seen', async (t) => {
  const known = [
    ['Host', HeaderClass.host],
    ['hOsT', HeaderClass.host],
    ['Host_', HeaderClass.pass],
    ['Content_Length', HeaderClass.drop],
    ['X-Latchkey-Owner', HeaderClass.drop],
    ['x_latchkey.owner', HeaderClass.drop],
    ['X-Forwarded-For', HeaderClass.forwardedFor],
    ['X-Rewrite-URL', HeaderClass.override],
    ['Cookie', HeaderClass.pass],
    ['constructor', HeaderClass.pass],
    ['__proto__', HeaderClass.pass],
    [`X-Latchkey-${'a'.repeat(100)}`, HeaderClass.drop],
  ] as const;
  for (let round = 0; round < 3; round++) {
    for (const [name, kind] of known) t.equal(classOf(name), kind, name);
    for (let i = 0; i < 5000; i++) {
      const name = `X-Made-Up-${round}-${i}`;
      if (classOf(name) !== HeaderClass.pass) t.fail(name);
    }
  }
});
