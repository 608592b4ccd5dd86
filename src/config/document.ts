import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, type YAMLError } from 'yaml';
import type { Environment } from './environment.ts';
import { interpolate } from './interpolate.ts';
import type { Position, SettingPath } from './problem.ts';

/** A problem before it is known how the file is called. */
export interface Finding {
  readonly path: SettingPath;
  readonly at: Position | null;
  readonly message: string;
}

/** A YAML file as plain values, with the place of each. */
export interface ConfigDocument {
  /** Undefined when the text is no YAML at all. */
  readonly value: unknown;
  readonly findings: readonly Finding[];
  /** Where a value stands, or the nearest setting around it that is there. */
  locate(path: SettingPath): Position | null;
  /** Where the name of a setting stands. */
  locateName(path: SettingPath): Position | null;
}

/** Aliases that one file may resolve in all: enough for real use, and the end of "billion laughs". */
const MAX_ALIASES = 100;

/** Reads YAML 1.2 and fills the environment in. Never throws: what is wrong is among the findings. */
export function parseConfigDocument(text: string, environment: Environment): ConfigDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, schema: 'core' });
  const reader = new Reader(lines, environment);
  const faults = [...document.errors, ...document.warnings];
  if (faults.length > 0) {
    for (const fault of faults) reader.findings.push(syntaxFinding(fault, text, lines));
    return reader.result(undefined);
  }
  if (document.contents !== null) reader.read(document.contents, []);
  try {
    return reader.result(document.toJS({ maxAliasCount: MAX_ALIASES }) ?? {});
  } catch (error) {
    // A ReferenceError: an alias to nothing, or more of them than MAX_ALIASES.
    const message = error instanceof Error ? error.message : String(error);
    reader.findings.push({ path: [], at: { line: 1, column: 1 }, message: `cannot be read as YAML: ${message}` });
    return reader.result(undefined);
  }
}

function syntaxFinding(fault: YAMLError, text: string, lines: LineCounter): Finding {
  const at = position(lines, fault.pos[0]);
  const line = text.split('\n', at.line)[at.line - 1] ?? '';
  let hint = '';
  if (fault.code === 'BAD_ALIAS') hint = '; a value that starts with "*" must be quoted, like "* /*"';
  else if (line.includes('${')) hint = '; a value with "${…}" inside [ ] or { } must be quoted';
  return { path: [], at, message: `not valid YAML: ${fault.message}${hint}` };
}

function position(lines: LineCounter, offset: number): Position {
  const { line, col } = lines.linePos(offset);
  return { line, column: col };
}

/** Walks the parsed file once: notes the place of every setting, and fills in the environment on the way. */
class Reader {
  readonly findings: Finding[] = [];
  readonly #values = new Map<string, Position>();
  readonly #names = new Map<string, Position>();
  readonly #lines: LineCounter;
  readonly #environment: Environment;

  constructor(lines: LineCounter, environment: Environment) {
    this.#lines = lines;
    this.#environment = environment;
  }

  read(node: unknown, path: SettingPath): void {
    if (isMap(node)) {
      this.#note(node, path);
      for (const pair of node.items) {
        const name = isScalar(pair.key) ? String(pair.key.value) : String(pair.key);
        const inner = [...path, name];
        const at = this.#positionOf(pair.key as Node | null);
        if (at !== null) this.#names.set(JSON.stringify(inner), at);
        // Not a setting, and plain objects treat this name in a way of their own.
        if (name === '__proto__') this.findings.push({ path: inner, at, message: 'unknown setting' });
        this.read(pair.value, inner);
      }
    } else if (isSeq(node)) {
      this.#note(node, path);
      for (const [index, item] of node.items.entries()) this.read(item, [...path, index]);
    } else if (isScalar(node)) {
      this.#note(node, path);
      if (typeof node.value !== 'string' || !node.value.includes('${')) return;
      const value = interpolate(node.value, this.#environment);
      if (typeof value === 'string') node.value = value;
      else this.findings.push({ path, at: this.#positionOf(node), message: value.fault });
    } else if (isAlias(node)) {
      // What it stands for was read where its anchor is; following it here is what bombs are made of.
      this.#note(node, path);
    }
  }

  result(value: unknown): ConfigDocument {
    return {
      value,
      findings: this.findings,
      locate: (path) => this.#nearest(path),
      locateName: (path) => this.#names.get(JSON.stringify(path)) ?? this.#nearest(path),
    };
  }

  #nearest(path: SettingPath): Position | null {
    for (let length = path.length; length >= 0; length--) {
      const key = JSON.stringify(path.slice(0, length));
      // A map of settings is where its name is; a value is where it is itself.
      const at = length < path.length ? (this.#names.get(key) ?? this.#values.get(key)) : this.#values.get(key);
      if (at !== undefined) return at;
    }
    return null;
  }

  #note(node: Node, path: SettingPath): void {
    const at = this.#positionOf(node);
    if (at !== null) this.#values.set(JSON.stringify(path), at);
  }

  #positionOf(node: Node | null): Position | null {
    return node?.range ? position(this.#lines, node.range[0]) : null;
  }
}
