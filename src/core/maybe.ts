/**
 * A value that is here now, or will be. The hot path answers synchronously whenever its data is in memory,
 * so nothing there pays for a promise that it does not need.
 */
export type MaybePromise<T> = T | Promise<T>;
