import { parentPort, workerData } from 'node:worker_threads';
import { simulate } from './run.ts';

const { seed, requests } = workerData as { readonly seed: number; readonly requests: number };

const send = parentPort?.postMessage.bind(parentPort);
send?.(await simulate(seed, requests));
