import type { Condition, Conditions } from '../observe/readiness.ts';

/** What one worker said of itself. */
export interface WorkerConditions {
  readonly worker: number;
  readonly conditions: Conditions;
}

export interface TogetherOptions {
  /** How many workers there are to be. */
  readonly workers: number;
  /** Whether all of them have served once. */
  readonly haveStarted: boolean;
  readonly isDraining: boolean;
}

/**
 * The conditions of all workers as those of one gateway. At first it is ready when all of them are, so that no few get the
 * load of all; later as long as one is, since the system gives the others' connections to it, and an unready gateway would
 * give all of them up.
 */
export function together(answers: readonly WorkerConditions[], options: TogetherOptions): Conditions {
  const { workers, haveStarted, isDraining } = options;
  const listening = answers.filter(({ conditions }) => conditions['listening']?.met === true).length;
  const rest = new Set(answers.flatMap(({ conditions }) => Object.keys(conditions)));
  for (const own of ['listening', 'not_draining']) rest.delete(own);
  return {
    listening: {
      met: haveStarted && listening > 0,
      detail: `${listening} of ${workers} workers accept connections`,
    },
    not_draining: { met: !isDraining, detail: isDraining ? 'is shutting down' : 'is not shutting down' },
    store: { met: false, detail: 'no worker says whether it answers' },
    ...Object.fromEntries([...rest].map((name) => [name, best(answers, name)])),
  };
}

/** Met when it is for one worker; what is told is what is wrong, if anything is. */
function best(answers: readonly WorkerConditions[], name: string): Condition {
  const said = answers.flatMap(({ worker, conditions }) => {
    const condition = conditions[name];
    return condition === undefined ? [] : [{ worker, ...condition }];
  });
  const details = new Set(said.map(({ detail }) => detail));
  const [only] = details;
  const all = said.map(({ worker, detail }) => `worker ${worker}: ${detail}`).join('; ');
  return { met: said.some(({ met }) => met), detail: details.size === 1 && only !== undefined ? only : all };
}
