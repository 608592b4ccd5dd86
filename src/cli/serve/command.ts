import type { Command } from '../command.ts';
import { CONFIG_FLAG, STORE_FLAG } from '../options.ts';

export const serve: Command = {
  words: ['serve'],
  summary: 'Runs the gateway until it is told to stop.',
  arguments: [],
  flags: [
    CONFIG_FLAG,
    {
      name: 'upstream',
      value: 'URL',
      summary: 'The API to protect. Without --config no file is read, and any valid key may do anything.',
    },
    {
      name: 'listen',
      value: 'ADDR',
      summary: 'Where clients connect, instead of proxy.listen: 0.0.0.0:8080, [::1]:8080, :8080.',
    },
    {
      name: 'management-listen',
      value: 'ADDR',
      summary: 'Where the management API is, instead of management.listen; off: nowhere.',
    },
    { name: 'health-listen', value: 'ADDR', summary: 'Where health checks and metrics are, instead of health.listen.' },
    STORE_FLAG,
    {
      name: 'workers',
      value: 'N',
      summary: 'How many processes serve, 1 to 64, or auto: one for each processor. 1 when it is not given.',
      suggestions: ['auto', '2', '4'],
    },
    { name: 'demo', summary: 'Protect a bundled demo API, make a key for it, and print what to try.' },
  ],
  notes: [
    'SIGTERM and SIGINT let the requests in flight finish; a second one ends the gateway at once. SIGHUP reads the configuration again; so does a change of the file.',
    'With --workers, the system spreads connections over the processes; one that ends is replaced. What is bounded in the configuration (connections, requests in flight, cached keys) is so for each; limits of keys hold over all of them.',
    'The log goes to standard output. With --json its first line says where the gateway listens.',
  ],
  examples: [
    'latchkey serve --upstream http://localhost:3000',
    'latchkey serve --config /etc/latchkey/latchkey.yaml',
    'latchkey serve --upstream http://localhost:3000 --listen 127.0.0.1:8000 --store redis://localhost:6379/0',
    'latchkey serve --config /etc/latchkey/latchkey.yaml --workers auto',
    'latchkey serve --demo',
  ],
  run: async (args, io) => (await import('./run.ts')).runServe(args, io),
};
