/** The rules about which file may import which. Types count too: who names a type depends on it. */
import { posix } from 'node:path';
import type { Violation } from './rules.ts';
import { lineOf, type Source } from './source.ts';

/** Each part of the product, and the parts that it may import besides itself. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  restrictions: ['core'],
  checks: ['core'],
  keys: ['core', 'restrictions'],
  limits: ['core'],
  places: ['core'],
  stores: ['core'],
  config: ['core', 'restrictions'],
  observe: ['core', 'config'],
  pipeline: ['core', 'checks'],
  demo: [],
  gateway: ['core', 'config', 'checks', 'restrictions', 'keys', 'limits', 'observe', 'pipeline'],
  explain: ['core', 'checks', 'restrictions', 'keys', 'pipeline'],
  management: ['core', 'config', 'restrictions', 'keys', 'limits', 'observe', 'explain'],
  wiring: [
    'core',
    'config',
    'checks',
    'restrictions',
    'keys',
    'limits',
    'observe',
    'pipeline',
    'explain',
    'gateway',
    'management',
    'places',
    'stores',
    'demo',
  ],
  workers: ['core', 'config', 'observe', 'wiring'],
  cli: [
    'core',
    'config',
    'checks',
    'restrictions',
    'keys',
    'limits',
    'observe',
    'pipeline',
    'explain',
    'gateway',
    'management',
    'wiring',
    'workers',
    'demo',
  ],
  main: ['cli'],
};

interface Import {
  /** Relative to the project, like `src/core/route.ts`. */
  readonly target: string;
  readonly line: number;
}

const FROM = /(?:^|[;\n}])\s*(?:import|export)\b[^;'"]*?\bfrom\s*['"]([^'"]+)['"]|\bimport\s*\(?\s*['"]([^'"]+)['"]/g;

/** The project's own files that a file imports; packages are left out. */
export function importsOf(source: Source): Import[] {
  const found: Import[] = [];
  for (const match of source.uncommented.matchAll(FROM)) {
    const specifier = match[1] ?? match[2] ?? '';
    if (!specifier.startsWith('.')) continue;
    const target = posix.join(posix.dirname(source.path), specifier);
    found.push({ target, line: lineOf(source.uncommented, match.index + match[0].length) });
  }
  return found;
}

/** `src/core/route.ts` belongs to `core`, `src/wiring.ts` to `wiring`. */
function partOf(path: string): string {
  return path.replace(/^src\//, '').replace(/\/.*$|\.ts$/, '');
}

/** Imports that point upwards or sideways. */
export function importViolations(sources: readonly Source[]): Violation[] {
  return sources.flatMap((source) => {
    if (!source.path.startsWith('src/')) return [];
    return importsOf(source)
      .filter(({ target }) => !mayImport(source.path, target))
      .map(({ target, line }) => ({ rule: 'imports', path: source.path, name: target, line }));
  });
}

function mayImport(from: string, target: string): boolean {
  if (!target.startsWith('src/')) return false;
  const part = partOf(from);
  const other = partOf(target);
  // The store's settings say which adapter it is.
  if (from === 'src/stores/open.ts' && other === 'config') return true;
  if (part !== other) return MAY_IMPORT[part]?.includes(other) === true;
  return part !== 'stores' || sameAdapter(from, target);
}

/** An adapter knows the other adapters as little as anyone does; only stores/open.ts chooses among them. */
function sameAdapter(from: string, target: string): boolean {
  const [folder, other] = [posix.dirname(from), posix.dirname(target)];
  return folder === other || other === 'src/stores' || from === 'src/stores/open.ts';
}

/** Each circle of imports once, named by its files in order. */
export function cycles(sources: readonly Source[]): Violation[] {
  const graph = new Map(sources.map((source) => [source.path, importsOf(source).map((each) => each.target)]));
  const found: Violation[] = [];
  const finished = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    const seenAt = trail.indexOf(path);
    if (seenAt >= 0) {
      const name = [...trail.slice(seenAt), path].join(' -> ');
      found.push({ rule: 'cycle', path, name, line: 1 });
      return;
    }
    if (finished.has(path)) return;
    for (const target of graph.get(path) ?? []) visit(target, [...trail, path]);
    finished.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return found;
}
