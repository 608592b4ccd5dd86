/**
 * Loaded ahead of each test file: ends a file that takes too long from within, so that the report says which test hung.
 * When tap has to end a file from outside, it gives up on the files that run beside it as well.
 *
 * How long a file may take, in seconds, stands in the query: `deadline.ts?seconds=120`.
 */
const seconds = Number(new URL(import.meta.url).searchParams.get('seconds'));

setTimeout(() => {
  process.stderr.write(`${process.argv[1]} did not end within ${seconds} s.\n`);
  process.exit(1);
}, seconds * 1000).unref();
