import { main } from './cli/index.ts';
import { systemIo } from './cli/io.ts';

process.exitCode = await main(process.argv.slice(2), systemIo());
