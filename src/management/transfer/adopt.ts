import { setImmediate as turn } from 'node:timers/promises';
import { KeyError } from '../../keys/key-error.ts';
import type { KeyService } from '../../keys/service.ts';
import { discreet, type RowFault } from './fault.ts';
import type { Planned } from './plan.ts';

/**
 * Keys that are on their way to the store at the same time. The audit log makes their writes wait for one another, so that
 * more would gain nothing; what comes before each write need not wait.
 */
const AT_ONCE = 4;

export interface AdoptOptions {
  readonly keys: Pick<KeyService, 'adopt'>;
  readonly action: 'key.import' | 'key.migrate';
  /** When it is aborted no further key is begun, and those that are on their way are waited for. */
  readonly signal: AbortSignal;
  onStored(planned: Planned): void;
  /** A key with its id or its secret came to be there in between. */
  onTaken(planned: Planned): void;
  onRefused(faults: readonly RowFault[]): void;
}

/**
 * Stores keys, several at a time. Each is there whole, with its entry in the audit log, or not at all, whenever this ends.
 *
 * @throws StoreError when the store fails; no further key is begun then
 */
export async function adoptAll(
  planned: Iterable<Planned> | AsyncIterable<Planned>,
  options: AdoptOptions,
): Promise<void> {
  const source = shared(planned);
  let hasFailed = false;
  const work = async (): Promise<void> => {
    while (!options.signal.aborted && !hasFailed) {
      const next = await source();
      if (next === null) return;
      try {
        await adoptOne(next, options);
      } catch (error) {
        hasFailed = true;
        throw error;
      }
      // A store that answers at once would leave signals and the progress bar waiting.
      await turn();
    }
  };
  const results = await Promise.allSettled(Array.from({ length: AT_ONCE }, work));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

async function adoptOne(planned: Planned, options: AdoptOptions): Promise<void> {
  try {
    await options.keys.adopt(planned.record, options.action);
    options.onStored(planned);
  } catch (error) {
    if (!(error instanceof KeyError)) throw error;
    if (error.code === 'KEY_EXISTS') options.onTaken(planned);
    else options.onRefused(faultsOf(planned, error));
  }
}

function faultsOf({ line }: Planned, error: KeyError): RowFault[] {
  if (error.faults.length === 0) return [{ line, field: null, message: discreet(error.message) }];
  return error.faults.map(({ field, message }) => ({ line, field, message: discreet(message) }));
}

/** Gives each caller the next item; null at the end. */
function shared(planned: Iterable<Planned> | AsyncIterable<Planned>): () => Promise<Planned | null> {
  const iterator: Iterator<Planned, unknown> | AsyncIterator<Planned, unknown> =
    Symbol.asyncIterator in planned ? planned[Symbol.asyncIterator]() : planned[Symbol.iterator]();
  let turnOf: Promise<unknown> = Promise.resolve();
  return () => {
    const next = turnOf.then(async () => {
      const result = await iterator.next();
      return result.done === true ? null : result.value;
    });
    turnOf = next.catch(() => undefined);
    return next;
  };
}
