/** The parts of a setting's name from the top of the file: names, and indices of lists. */
export type SettingPath = readonly (string | number)[];

export interface Position {
  /** 1 for the first. */
  readonly line: number;
  /** 1 for the first. */
  readonly column: number;
}

/** One thing that is wrong with a configuration, and where. */
export interface ConfigProblem {
  /** The file as it was named, or the option or source that stood in for it. */
  readonly file: string;
  /** null when the place is not known, as for a setting that came from an option. */
  readonly line: number | null;
  readonly column: number | null;
  /** Like `upstreams[0].url`; '' for the whole file. */
  readonly path: string;
  /** What is wrong and what was expected. Never a secret. */
  readonly message: string;
}

/** At most so many problems are reported; a file with more is broken in some one way. */
export const MAX_PROBLEMS = 50;

/** A configuration that cannot be used. Its message holds every problem, one to a line. */
export class ConfigError extends Error {
  /** In the order of the file, at most MAX_PROBLEMS. */
  readonly problems: readonly ConfigProblem[];
  /** How many more there were. */
  readonly omitted: number;

  constructor(problems: readonly ConfigProblem[]) {
    const sorted = [...problems].sort(byPosition);
    const kept = sorted.slice(0, MAX_PROBLEMS);
    const omitted = sorted.length - kept.length;
    const lines = kept.map(formatProblem);
    if (omitted > 0) lines.push(`… and ${omitted} more`);
    super(lines.join('\n'));
    this.name = 'ConfigError';
    this.problems = kept;
    this.omitted = omitted;
  }
}

/** `config/latchkey.yaml:12:5: proxy.lisen: unknown setting; did you mean "listen"?` */
export function formatProblem(problem: ConfigProblem): string {
  const place = problem.line === null ? problem.file : `${problem.file}:${problem.line}:${problem.column ?? 1}`;
  return problem.path === '' ? `${place}: ${problem.message}` : `${place}: ${problem.path}: ${problem.message}`;
}

/** `upstreams[0].url`; names that would read as something else are quoted: `access.permissions["a.b:read"][0]`. */
export function formatPath(path: SettingPath): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (!/^[A-Za-z0-9_:-]+$/.test(part)) text += `[${JSON.stringify(part)}]`;
    else text += text === '' ? part : `.${part}`;
  }
  return text;
}

function byPosition(a: ConfigProblem, b: ConfigProblem): number {
  return (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);
}
