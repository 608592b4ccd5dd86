/** Calls a task again and again; returns what ends it. */
export type Repeat = (task: () => void, everyMs: number) => () => void;

/** The system's timer, which does not keep a process alive. */
export const systemTimer: Repeat = (task, everyMs) => {
  const timer = setInterval(task, everyMs).unref();
  return () => clearInterval(timer);
};

/** Resolves when the work is done or has failed, or after `ms` milliseconds. */
export async function inTime(work: Promise<unknown>, ms: number): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([work, late]).catch(() => undefined);
  clearTimeout(timer);
}
