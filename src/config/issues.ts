import type { z } from 'zod';
import { didYouMean } from '../core/nearest.ts';
import type { ConfigDocument, Finding } from './document.ts';
import { shown } from './fields.ts';
import { knownSettings } from './json-schema.ts';
import { formatPath, type SettingPath } from './problem.ts';

type Issue = z.core.$ZodIssue;

/** What goes into the sections that must be there: whoever left one out learns what to write, not only its kind. */
const REQUIRED = new Map([
  ['access', 'the routes that are open, like any_key: ["* /*"] to let any valid key do anything'],
  ['upstreams', 'a list of the APIs to protect, like [{ url: "http://127.0.0.1:9000" }]'],
]);

/** Turns what zod found into findings that name the setting, its place and what was expected. */
export function issueFindings(issues: readonly Issue[], document: ConfigDocument): Finding[] {
  return issues.flatMap((issue) => findings(issue, [], document));
}

function findings(issue: Issue, above: SettingPath, document: ConfigDocument): Finding[] {
  const path: SettingPath = [...above, ...issue.path.map((part) => (typeof part === 'number' ? part : String(part)))];
  const at = document.locate(path);
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownSetting(path, key, document));
    case 'invalid_union': {
      // The alternatives are a text and a map of settings: speak of the one that was meant.
      const isMap = shown(valueAt(document.value, path)) === 'a map';
      const meant = (isMap ? issue.errors.at(-1) : issue.errors[0]) ?? [];
      return meant.flatMap((inner) => findings(inner, path, document));
    }
    case 'invalid_key': {
      const reason = issue.issues[0]?.message ?? 'expected another name';
      return [{ path, at: document.locateName(path), message: reason }];
    }
    case 'invalid_type':
      return [{ path, at, message: wrongKind(path, issue.expected, valueAt(document.value, path)) }];
    case 'too_small':
      return [{ path, at, message: `expected at least ${issue.minimum} in the list` }];
    case 'too_big':
      return [{ path, at, message: `expected at most ${issue.maximum} in the list` }];
    default:
      return [{ path, at, message: issue.message }];
  }
}

function unknownSetting(parent: SettingPath, key: string, document: ConfigDocument): Finding {
  const path = [...parent, key];
  const known = knownSettings(parent);
  const guess = didYouMean(key, known);
  const names = guess === '' && known.length > 0 ? `; expected one of ${known.join(', ')}` : guess;
  return { path, at: document.locateName(path), message: `unknown setting${names}` };
}

function wrongKind(path: SettingPath, expected: string, value: unknown): string {
  const kind = expected === 'array' ? 'a list' : 'a map of settings';
  const what = REQUIRED.get(formatPath(path)) ?? kind;
  if (value === undefined) return `missing; expected ${what}`;
  // The name alone, its settings forgotten or commented out.
  if (value === null) return `empty; expected ${what}`;
  return `expected ${kind}, got ${shown(value)}`;
}

function valueAt(value: unknown, path: SettingPath): unknown {
  let inner = value;
  for (const part of path) {
    if (typeof inner !== 'object' || inner === null || !Object.hasOwn(inner, part)) return undefined;
    inner = Reflect.get(inner, part);
  }
  return inner;
}
