/** The rules of this house, held by reading its source. What must break one is listed here, by name and with the reason. */
import { globSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { cycles, importViolations } from './house/imports.ts';
import { type RuleName, type Violation, violationsIn } from './house/rules.ts';
import { parseSource, readSource, type Source } from './house/source.ts';

interface Exception {
  readonly rule: RuleName;
  readonly path: string;
  /** As the violation names it; absent: all of the rule's in that file. */
  readonly name?: string;
  readonly reason: string;
}

const EXCEPTIONS: readonly Exception[] = [
  {
    rule: 'clock',
    path: 'src/wiring/clock.ts',
    name: 'Date.now',
    reason: 'The system clock, which is handed to all others.',
  },
  {
    rule: 'clock',
    path: 'src/wiring/clock.ts',
    name: 'performance.now',
    reason: 'The stopwatch beside it, which is handed on in the same way.',
  },
];

const ROOT = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');
const sources: readonly Source[] = globSync(['src/**/*.ts', 'test/**/*.ts', 'bench/**/*.ts', 'bin/*.js'], { cwd: ROOT })
  .sort()
  .map((path) => readSource(ROOT, path));

function excuses(exception: Exception, violation: Violation): boolean {
  const named = exception.name === undefined || exception.name === violation.name;
  return exception.rule === violation.rule && exception.path === violation.path && named;
}

t.test('every file keeps the rules', async (t) => {
  t.ok(sources.length > 20, `${sources.length} files were read`);
  const all = [...sources.flatMap(violationsIn), ...importViolations(sources), ...cycles(sources)];
  const broken = all.filter((violation) => !EXCEPTIONS.some((exception) => excuses(exception, violation)));
  t.strictSame(
    broken.map(({ rule, path, line, name }) => `${path}:${line} ${rule}: ${name}`),
    [],
  );
  const stale = EXCEPTIONS.filter((exception) => !all.some((violation) => excuses(exception, violation)));
  t.strictSame(stale, [], 'no exception is listed for what no longer needs one');
});

/** What the rules find in a file of this text. */
function found(text: string, path = 'src/gateway/x.ts'): string[] {
  return violationsIn(parseSource(path, text)).map(({ rule, name, line }) => `${line} ${rule}: ${name}`);
}

t.test('a long file and a long function are found', async (t) => {
  t.strictSame(found('x;\n'.repeat(250)), []);
  t.strictSame(found('x;\n'.repeat(251)), ['251 file-length: 251 lines']);
  t.strictSame(found('x;\n'.repeat(400), 'test/x.test.ts'), []);
  t.strictSame(found('x;\n'.repeat(401), 'test/x.test.ts'), ['401 file-length: 401 lines']);
  const body = (lines: number): string => '\n'.repeat(lines - 1);
  t.strictSame(found(`function f() {${body(60)}}`), []);
  t.strictSame(found(`\nfunction f() {${body(61)}}`), ['2 function-length: f']);
  t.strictSame(found(`const g = () => {${body(61)}};`), ['1 function-length: g']);
  t.strictSame(found(`class C { m(a: string): void {${body(61)}} }`), ['1 function-length: m']);
  t.strictSame(found(`const o = { p: async function () {${body(61)}} };`), ['1 function-length: p']);
  t.strictSame(found(`t.test(async () => {${body(61)}});`, 'test/x.test.ts'), []);
});

t.test('what is unfinished or silenced is found, in comments too', async (t) => {
  for (const word of ['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX']) {
    t.strictSame(found(`// ${word}: later`), [`1 unfinished: ${word}`]);
    t.strictSame(found(`a${word}b;`), []);
  }
  for (const word of ['@ts-' + 'ignore', '@ts-' + 'expect-error', 'oxlint-' + 'disable', 'biome-' + 'ignore']) {
    t.strictSame(found(`\n// ${word} x`, 'test/x.test.ts'), [`2 silenced: ${word}`]);
  }
});

t.test('reading the time is found, naming a time is not', async (t) => {
  const text = 'Date.now();\nnew Date();\nperformance.now();\nDate();\nprocess.hrtime.bigint();';
  const clocks = ['1 clock: Date.now', '2 clock: Date', '4 clock: Date'];
  const stopwatches = ['3 clock: performance.now', '5 clock: process.hrtime.bigint'];
  t.strictSame(found(text, 'src/limits/x.ts').sort(), [...clocks, ...stopwatches].sort());
  t.strictSame(found(text, 'src/gateway/x.ts').sort(), clocks);
  t.strictSame(found('new Date(0); Date.parse(x); clock.now(); "Date.now()"; // Date.now()'), []);
  t.strictSame(found('Date.now();', 'test/x.test.ts'), []);
});

t.test('the environment, chance and the console are found outside their places', async (t) => {
  t.strictSame(found('process.env.HOME;'), ['1 environment: process.env']);
  t.strictSame(found("process['env'];"), ['1 environment: process.env']);
  t.strictSame(found('process.env.HOME;', 'src/config/environment.ts'), []);
  t.strictSame(found('Math.random();'), ['1 random: Math.random']);
  t.strictSame(found('console.error(1);'), ['1 console: console.error']);
  t.strictSame(found('console?.error(1);'), ['1 console: console.error']);
  t.strictSame(found('console.error(1);', 'src/cli/serve.ts'), []);
  t.strictSame(found('"process.env Math.random console.log"; /* process.env */ `console.log`;'), []);
});

t.test('the type any is found, the word is not', async (t) => {
  t.strictSame(found('const a: any = 1;'), ['1 any: any']);
  t.strictSame(found('\nfunction f(a: Map<string, any[]>) {}\nx as any;'), ['2 any: any', '3 any: any']);
  t.strictSame(found('interface A {\n  // any\n  a: any; /* any */\n}'), ['3 any: any']);
  t.strictSame(
    found('type A = "any"; // any\nconst any = { any: "any" }; const x: any_key = /any/; Promise.any([]);'),
    [],
  );
});

/** What the import rules find among files of these texts. */
function importFaults(files: Readonly<Record<string, string>>): string[] {
  const parsed = Object.entries(files).map(([path, text]) => parseSource(path, text));
  return [...importViolations(parsed), ...cycles(parsed)].map(({ rule, path, name }) => `${path} ${rule}: ${name}`);
}

t.test('an import that points upwards is found, in every form', async (t) => {
  const fault = ['src/core/a.ts imports: src/keys/b.ts'];
  for (const text of [
    "import { b } from '../keys/b.ts';",
    "import type { B } from '../keys/b.ts';",
    "import {\n  a,\n  type B,\n} from '../keys/b.ts';",
    "export * from '../keys/b.ts';",
    "export { b } from '../keys/b.ts';",
    "import '../keys/b.ts';",
    "const b = await import('../keys/b.ts');",
    "interface A { b: import('../keys/b.ts').B }",
  ]) {
    t.strictSame(importFaults({ 'src/core/a.ts': text }), fault, text);
  }
  t.strictSame(importFaults({ 'src/core/a.ts': "// import { b } from '../keys/b.ts';\nimport 'node:fs';" }), []);
  t.strictSame(importFaults({ 'src/gateway/a.ts': "import { b } from '../keys/b.ts';" }), []);
});

t.test('only the wiring chooses a store, and adapters do not know each other', async (t) => {
  const from = (path: string, target: string): string[] => importFaults({ [path]: `import { x } from '${target}';` });
  t.same(from('src/gateway/a.ts', '../stores/open.ts').length, 1);
  t.same(from('src/cli/keys.ts', '../stores/sqlite/store.ts').length, 1);
  t.same(from('src/stores/sqlite/a.ts', '../redis/b.ts').length, 1);
  t.same(from('src/stores/sqlite/a.ts', '../../config/config.ts').length, 1);
  t.same(from('src/core/a.ts', '../../test/support/x.ts').length, 1);
  t.same(from('src/wiring.ts', './stores/open.ts').length, 0);
  t.same(from('src/stores/open.ts', './redis/b.ts').length, 0);
  t.same(from('src/stores/sqlite/a.ts', '../record.ts').length, 0);
});

t.test('a circle of imports is found', async (t) => {
  const link = (target: string): string => `import type { X } from './${target}.ts';`;
  t.strictSame(importFaults({ 'src/core/a.ts': link('b'), 'src/core/b.ts': link('c'), 'src/core/c.ts': link('a') }), [
    'src/core/a.ts cycle: src/core/a.ts -> src/core/b.ts -> src/core/c.ts -> src/core/a.ts',
  ]);
  t.strictSame(importFaults({ 'src/core/a.ts': link('c') + link('b'), 'src/core/b.ts': link('c') }), []);
});
