import { parseArgs } from 'node:util';
import { CONTESTANTS } from './contestants/index.ts';
import { SCENARIOS } from './scenarios/index.ts';
import type { Scenario } from './scenarios/scenario.ts';

export interface Options {
  /** Each with the contestants that were chosen and those that it compares them with. */
  readonly scenarios: readonly Scenario[];
  readonly rounds: number;
  readonly seconds: number | null;
  readonly warmUpSeconds: number;
  /** Where tables and plots go; null: they are only printed. */
  readonly results: string | null;
}

const RESULTS = new URL('../results', import.meta.url).pathname;
const DEFAULT = 'small-json';

const USAGE = `npm run bench [-- NAME...] [--rounds 3] [--seconds 8] [--warm-up 6] [--all] [--soak] [--results DIR]
  NAME   a scenario: ${SCENARIOS.map(({ name }) => name).join(', ')}
         or part of the name of a contestant: ${CONTESTANTS.map(({ name }) => name).join('; ')}
Without a scenario: ${DEFAULT}. Tables and plots go to bench/results, unless contestants are named and DIR is not.
`;

/** @throws Error that says what is wrong with the command line, and what may stand there */
export function readOptions(args: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string' },
      'warm-up': { type: 'string', default: '6' },
      all: { type: 'boolean', default: false },
      soak: { type: 'boolean', default: false },
      results: { type: 'string' },
    },
  });
  const named = SCENARIOS.filter(({ name }) => positionals.includes(name) || (name === 'soak' && values.soak));
  const wanted = positionals.filter((name) => !SCENARIOS.some((scenario) => scenario.name === name));
  for (const part of wanted) {
    if (!CONTESTANTS.some(({ name }) => isPartOf(part, name))) throw new Error(`nothing is called ${part}\n${USAGE}`);
  }
  const all = SCENARIOS.filter((scenario) => scenario.onlyWhenNamed !== true || named.includes(scenario));
  const fallback = SCENARIOS.filter(({ name }) => name === DEFAULT);
  const chosen = values.all ? all : named.length > 0 ? named : fallback;
  return {
    scenarios: wanted.length === 0 ? chosen : chosen.map((scenario) => restricted(scenario, wanted)),
    rounds: count('--rounds', values.rounds),
    seconds: values.seconds === undefined ? null : count('--seconds', values.seconds),
    warmUpSeconds: count('--warm-up', values['warm-up']),
    results: values.results ?? (wanted.length === 0 ? RESULTS : null),
  };
}

function restricted(scenario: Scenario, wanted: readonly string[]): Scenario {
  const references = new Set(scenario.ratios.map((ratio) => ('contestant' in ratio ? ratio.contestant : null)));
  const contestants = scenario.contestants.filter(
    ({ name }) => references.has(name) || wanted.some((part) => isPartOf(part, name)),
  );
  return { ...scenario, contestants };
}

function isPartOf(part: string, name: string): boolean {
  return name.toLowerCase().includes(part.toLowerCase());
}

function count(option: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1) return value;
  throw new Error(`${option}: a whole number from 1 was expected, not ${text}\n${USAGE}`);
}
