/** Turns tap's machine output into what a person wants to read: a line for each file, and everything about a failure. */
import { Parser, type Result } from 'tap-parser';
import { stringify } from 'yaml';

export interface Totals {
  readonly passed: number;
  readonly failed: number;
}

export interface Report {
  /** Feed it tap's standard output. */
  write(chunk: string): void;
  /** Call once, when tap has ended. */
  end(): Totals;
}

interface Point {
  readonly name: string;
  readonly diagnostics: unknown;
}

/** What is known of the test file that is being reported. */
interface FileState {
  passed: number;
  failures: Point[];
}

/** Says nothing to a person: how tap started the file, and what the stack trace shows already. */
const NOISE = new Set(['source', 'at', 'stdio', 'cwd', 'externalID', 'command', 'args', 'jobId', 'signal']);

/** What a test process that ends early repeats of its own plan. */
const STRAY_TAP = /^\s*(?:1\.\.0 # no tests found|TAP version 14)$/;

/** @param print takes one line, without its end */
export function createReport(print: (line: string) => void): Report {
  let passed = 0;
  let failed = 0;
  let file = newFile();
  const root = new Parser();
  root.on('child', (child: Parser) => watch(child, '', file));
  root.on('assert', (result: Result) => {
    if (!isOk(result) && file.failures.length === 0) file.failures.push(toPoint(result, result.name));
    else if (file.passed + file.failures.length === 0) file.passed = 1;
    passed += file.passed;
    failed += file.failures.length;
    for (const line of describe(result, file)) print(line);
    file = newFile();
  });
  root.on('bailout', (reason: string) => {
    failed += 1;
    print(`Bail out! ${reason}`);
  });
  // What is not TAP: the coverage table, and what a test printed.
  root.on('extra', (text: string) => {
    const line = text.trimEnd();
    if (line !== '' && !STRAY_TAP.test(line)) print(line);
  });
  return {
    write: (chunk) => void root.write(chunk),
    end: () => {
      root.end();
      return { passed, failed };
    },
  };
}

function newFile(): FileState {
  return { passed: 0, failures: [] };
}

/** Counts the points that are not themselves the sum of a subtest. */
function watch(parser: Parser, prefix: string, file: FileState): void {
  let inSubtest = false;
  let failuresBefore = 0;
  parser.on('child', (child: Parser) => {
    inSubtest = true;
    failuresBefore = file.failures.length;
    watch(child, `${prefix}${child.name} > `, file);
  });
  parser.on('assert', (result: Result) => {
    const isSum = inSubtest;
    inSubtest = false;
    // A subtest may fail without a failed point in it, by a plan that was not met, for instance.
    const explained = isSum && file.failures.length > failuresBefore;
    if (!isOk(result)) {
      if (!explained) file.failures.push(toPoint(result, `${prefix}${result.name}`));
    } else if (!isSum) {
      file.passed += 1;
    }
  });
}

/** A test that was skipped or put off did not show that anything works. */
function isOk(result: Result): boolean {
  return result.ok && result.skip === false && result.todo === false;
}

function toPoint(result: Result, name: string): Point {
  const mark = result.skip !== false ? ' (skipped)' : result.todo !== false ? ' (to do)' : '';
  return { name: `${name}${mark}`, diagnostics: result.diag };
}

function describe(result: Result, file: FileState): string[] {
  const seconds = result.time === null ? '' : ` ${(result.time / 1000).toFixed(1)} s`;
  if (file.failures.length === 0) return [`ok      ${result.name}: ${file.passed} passed${seconds}`];
  const lines = [`not ok  ${result.name}: ${file.passed} passed, ${file.failures.length} failed${seconds}`];
  for (const failure of file.failures) {
    lines.push(`  - ${failure.name}`);
    for (const line of diagnosticLines(failure.diagnostics)) lines.push(`      ${line}`);
  }
  return lines;
}

function diagnosticLines(diagnostics: unknown): string[] {
  if (typeof diagnostics !== 'object' || diagnostics === null) return [];
  const kept = Object.entries(diagnostics).filter(([name, value]) => !NOISE.has(name) && value !== null);
  if (kept.length === 0) return [];
  return stringify(Object.fromEntries(kept), { lineWidth: 0 }).trimEnd().split('\n');
}
