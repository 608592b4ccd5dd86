const LEAST_MS = 20;
const MOST_MS = 1000;

/** How often node looks for heads that are late: often enough for the time they have. node wants whole milliseconds. */
export function headCheckMs(headTimeoutMs: number): number {
  return Math.min(MOST_MS, Math.max(LEAST_MS, Math.ceil(headTimeoutMs / 4)));
}
