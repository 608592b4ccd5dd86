/** The rules that one file can break on its own. */
import { dottedName, lineOf, nodesOf, type Source, type SyntaxNode } from './source.ts';

export type RuleName =
  | 'file-length'
  | 'function-length'
  | 'unfinished'
  | 'silenced'
  | 'clock'
  | 'environment'
  | 'any'
  | 'random'
  | 'console'
  | 'imports'
  | 'cycle';

export interface Violation {
  readonly rule: RuleName;
  readonly path: string;
  /** What an exception names: the function, or what was used. */
  readonly name: string;
  readonly line: number;
}

type Rule = (source: Source) => Violation[];

const MAX_FILE_LINES = 250;
const MAX_TEST_LINES = 400;
const MAX_FUNCTION_LINES = 60;

const isProduct = (path: string): boolean => path.startsWith('src/');

/** A file holds one idea. Tests may be longer: they are lists. */
const fileLength: Rule = ({ path, text }) => {
  const lines = text.trimEnd().split('\n').length;
  const most = path.startsWith('test/') ? MAX_TEST_LINES : MAX_FILE_LINES;
  return lines > most ? [{ rule: 'file-length', path, name: `${lines} lines`, line: lines }] : [];
};

const functionLength: Rule = ({ path, program }) => {
  if (path.startsWith('test/')) return [];
  const found: Violation[] = [];
  for (const { node, name } of nodesOf(program)) {
    if (!/^(?:FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(node.type)) continue;
    const { start, end } = node.loc ?? { start: { line: 0 }, end: { line: 0 } };
    if (end.line - start.line + 1 <= MAX_FUNCTION_LINES) continue;
    const own = (node['id'] as { name?: string } | null | undefined)?.name;
    found.push({ rule: 'function-length', path, name: own ?? name, line: start.line });
  }
  return found;
};

/** A rule that looks for words in the text, comments included. */
function textRule(rule: RuleName, words: RegExp): Rule {
  return ({ path, text }) =>
    [...text.matchAll(words)].map((match) => ({ rule, path, name: match[0], line: lineOf(text, match.index) }));
}

// Spelled so that these lines do not break the rules that they state.
const unfinished = textRule(
  'unfinished',
  new RegExp(`\\b(?:${['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX'].join('|')})\\b`, 'g'),
);
const silenced = textRule(
  'silenced',
  /@ts-(?:ignore|expect-error|nocheck)|(?:oxlint|eslint|biome)-(?:disable|ignore)/g,
);

const CLOCKS = new Set(['Date.now', 'Date']);
const STOPWATCHES = new Set(['performance.now', 'process.hrtime', 'process.hrtime.bigint']);
/** What does I/O may measure how long that takes; what decides may not even do that. */
const MAY_MEASURE = /^src\/(?:stores|observe|gateway|cli|demo)\/|^src\/wiring\.ts$/;

/** Time comes from a Clock, so that a test can turn it. */
const clock: Rule = ({ path, program }) => {
  if (!isProduct(path)) return [];
  return find(program, (node) => {
    if (node.type !== 'CallExpression' && node.type !== 'NewExpression') return null;
    const called = dottedName(node['callee']);
    if (called === null) return null;
    if (STOPWATCHES.has(called)) return MAY_MEASURE.test(path) ? null : called;
    if (!CLOCKS.has(called)) return null;
    const readsTime = called !== 'Date' || node.type === 'CallExpression' || isEmpty(node['arguments']);
    return readsTime ? called : null;
  }).map((hit) => ({ rule: 'clock', path, ...hit }));
};

/** Settings have one way in. */
const environment: Rule = ({ path, program }) => {
  if (!isProduct(path) || path.startsWith('src/config/')) return [];
  return find(program, (node) => exactly(node, 'process.env')).map((hit) => ({ rule: 'environment', path, ...hit }));
};

const any: Rule = ({ path, types }) => {
  const words = types.replace(/'[^'\n]*'|"[^"\n]*"/g, (text) => ' '.repeat(text.length));
  return [...words.matchAll(/\bany\b/g)].map((match) => ({
    rule: 'any',
    path,
    name: 'any',
    line: lineOf(words, match.index),
  }));
};

/** What must not be guessed comes from node:crypto, and what may be guessed can come from there too. */
const random: Rule = ({ path, program }) => {
  if (!isProduct(path)) return [];
  return find(program, (node) => exactly(node, 'Math.random')).map((hit) => ({ rule: 'random', path, ...hit }));
};

/** Only the command line speaks to a person; everything else logs. */
const consoleUse: Rule = ({ path, program }) => {
  if (!isProduct(path) || path.startsWith('src/cli/')) return [];
  return find(program, (node) => {
    const name = node.type === 'MemberExpression' ? dottedName(node) : null;
    return name?.startsWith('console.') === true ? name : null;
  }).map((hit) => ({ rule: 'console', path, ...hit }));
};

function exactly(node: SyntaxNode, name: string): string | null {
  return node.type === 'MemberExpression' && dottedName(node) === name ? name : null;
}

function isEmpty(list: unknown): boolean {
  return Array.isArray(list) && list.length === 0;
}

function find(
  program: Source['program'],
  nameIfBroken: (node: SyntaxNode) => string | null,
): { name: string; line: number }[] {
  const hits: { name: string; line: number }[] = [];
  for (const { node } of nodesOf(program)) {
    const name = nameIfBroken(node);
    if (name !== null) hits.push({ name, line: node.loc?.start.line ?? 0 });
  }
  return hits;
}

export const RULES: readonly Rule[] = [
  fileLength,
  functionLength,
  unfinished,
  silenced,
  clock,
  environment,
  any,
  random,
  consoleUse,
];

/** What the rules that look at one file at a time have to say about it. */
export function violationsIn(source: Source): Violation[] {
  return RULES.flatMap((rule) => rule(source));
}
