/** Source text, read so that a rule can tell code from comments, strings and types. */
import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { type Comment, type Node, type Program, parse, type Token } from 'acorn';

export interface Source {
  /** Relative to the project, with `/`: `src/core/route.ts`. */
  readonly path: string;
  readonly text: string;
  /** The text with comments blanked out, character for character. */
  readonly uncommented: string;
  /** What type stripping removed, the rest blanked out: types only, without comments. */
  readonly types: string;
  readonly program: Program;
}

export function readSource(root: string, path: string): Source {
  return parseSource(path, readFileSync(`${root}/${path}`, 'utf8'));
}

export function parseSource(path: string, text: string): Source {
  // Stripping puts blanks in the place of types, so that every position stays what it was.
  const code = path.endsWith('.ts') ? stripTypeScriptTypes(text) : text;
  const comments: Comment[] = [];
  const tokens: Token[] = [];
  const options = { ecmaVersion: 'latest', sourceType: 'module', locations: true, allowHashBang: true } as const;
  const program = parse(code, { ...options, onComment: comments, onToken: tokens });
  const literals = tokens.filter((token) => ['string', 'template', 'regexp'].includes(token.type.label));
  const inCode = blank(text, comments);
  // What is left are comments among types, where quotes and slashes mean nothing else.
  const inTypes = [...blank(inCode, literals).matchAll(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/g)];
  const uncommented = blank(
    inCode,
    inTypes.map((match) => ({ start: match.index, end: match.index + match[0].length })),
  );
  const types = uncommented
    .split('')
    .map((char, i) => (code[i] === char && char !== '\n' ? ' ' : char))
    .join('');
  return { path, text, uncommented, types, program };
}

function blank(text: string, ranges: readonly { readonly start: number; readonly end: number }[]): string {
  let out = '';
  let from = 0;
  for (const { start, end } of ranges) {
    out += text.slice(from, start) + text.slice(start, end).replace(/[^\n]/g, ' ');
    from = end;
  }
  return out + text.slice(from);
}

/** Counted from 1. */
export function lineOf(text: string, position: number): number {
  return text.slice(0, position).split('\n').length;
}

/** A syntax node whose shape a rule looks into by name. */
export interface SyntaxNode extends Node {
  readonly [name: string]: unknown;
}

/** Every node of the program, parents before children. `name` is what the nearest declaration around it is called. */
export function* nodesOf(program: Program): Generator<{ node: SyntaxNode; name: string }> {
  const stack: { node: SyntaxNode; name: string }[] = [{ node: program as unknown as SyntaxNode, name: '' }];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    yield next;
    const name = nameOf(next.node) ?? next.name;
    for (const value of Object.values(next.node)) {
      for (const child of Array.isArray(value) ? value : [value]) {
        if (isNode(child)) stack.push({ node: child, name });
      }
    }
  }
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}

/** What a declaration, method or property is called; null for any other node. */
function nameOf(node: SyntaxNode): string | null {
  for (const child of [node['id'], node['key']]) {
    if (isNode(child) && typeof child['name'] === 'string') return child['name'];
  }
  return null;
}

/** `a.b.c` of a chain of plain names; null for anything else. */
export function dottedName(node: unknown): string | null {
  if (!isNode(node)) return null;
  if (node.type === 'Identifier') return node['name'] as string;
  if (node.type === 'ChainExpression') return dottedName(node['expression']);
  if (node.type !== 'MemberExpression') return null;
  const object = dottedName(node['object']);
  if (object === null) return null;
  const property = node['property'] as SyntaxNode;
  const key = node['computed'] === true ? property['value'] : property['name'];
  return typeof key === 'string' ? `${object}.${key}` : null;
}
