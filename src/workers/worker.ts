import type { Config } from '../config/config.ts';
import { createLogger, type GatewayLog } from '../observe/logger.ts';
import { helpersYield, type RunningWorker, startWorker } from '../wiring.ts';
import { HeldOutput } from './held-output.ts';
import type { Answers, Order, Question, Report, WorkerStart } from './messages.ts';
import { sentFailure } from './sent-failure.ts';

const DONE = 0;
const FAILED = 1;

/** What a worker has while it serves. */
interface Serving {
  readonly server: RunningWorker;
  readonly log: GatewayLog;
  config: Config;
}

/** One worker: a gateway that another process starts, asks and stops, over the channel between them. */
export class Worker {
  /** Resolves when it serves; null before it was told to start. */
  #serving: Promise<Serving> | null = null;
  #output: HeldOutput | null = null;
  #isEnding = false;

  /** Takes orders until it is told to end, or nobody is left to tell it. */
  run(): void {
    process.on('message', (order: Order) => this.#obey(order));
    // The supervisor is gone, and whoever takes its place must find the address free.
    process.on('disconnect', () => void this.#end(DONE, { atOnce: true }));
    // These two reach every process of a terminal; the supervisor says what comes of them.
    for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);
    process.on('SIGTERM', () => void this.#end(DONE));
  }

  #obey(order: Order): void {
    switch (order.kind) {
      case 'start':
        this.#serving ??= this.#start(order.start);
        return;
      case 'speak':
        return this.#output?.release();
      case 'ask':
        return void this.#answer(order);
      case 'stop':
        return void this.#end(DONE, order);
    }
  }

  async #start({ worker, config, version, output, isHeld }: WorkerStart): Promise<Serving> {
    const held = new HeldOutput(process.stdout, isHeld);
    this.#output = held;
    const log = createLogger(config.log, { ...output, destination: held, among: { worker } });
    this.#watchMistakes(log);
    helpersYield();
    try {
      const server = await startWorker(config, { log, version });
      void report({ kind: 'serving', addresses: { proxy: server.proxyAddress, management: server.managementAddress } });
      return { server, log, config };
    } catch (error) {
      held.release();
      await log.close();
      await report({ kind: 'failed', failure: sentFailure(error) });
      return process.exit(FAILED);
    }
  }

  async #answer(order: Extract<Order, { kind: 'ask' }>): Promise<void> {
    const { id } = order;
    const serving = await this.#serving;
    if (serving === null) return;
    try {
      void report({ kind: 'answer', id, value: await answerOf(serving, order) });
    } catch (error) {
      serving.log.logger.error({ err: error, question: order.question }, 'the supervisor gets no answer');
      void report({ kind: 'no-answer', id });
    }
  }

  /**
   * Drains and ends.
   *
   * @param options `atOnce`: without waiting for load balancers to see that it ends, as the other workers go on or nobody
   *   is there who could tell them
   */
  async #end(code: number, options: { readonly atOnce?: boolean } = {}): Promise<void> {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#output?.release();
    const serving = await this.#serving;
    if (serving === null) return process.exit(code);
    const isInOrder = await this.#close(serving, options.atOnce === true);
    process.exit(isInOrder ? code : FAILED);
  }

  async #close({ server, log, config }: Serving, atOnce: boolean): Promise<boolean> {
    try {
      if (atOnce) server.reload({ ...config, proxy: { ...config.proxy, drainDelayMs: 0 } });
      await server.stop();
      return true;
    } catch (error) {
      log.logger.error({ err: error }, 'the worker could not end in good order');
      return false;
    } finally {
      await log.close();
    }
  }

  /** What was being done is in doubt, what others are doing is not: they may finish. */
  #watchMistakes({ logger }: GatewayLog): void {
    process.on('uncaughtException', (error) => {
      logger.fatal({ err: error }, 'the worker stops: an error that nothing handled');
      void this.#end(FAILED, { atOnce: true });
    });
    process.on('unhandledRejection', (reason) => {
      logger.error({ err: reason }, 'a failure was not handled; the gateway goes on');
    });
  }
}

async function answerOf(serving: Serving, order: Extract<Order, { kind: 'ask' }>): Promise<Answers[Question]> {
  const { server } = serving;
  switch (order.question) {
    case 'conditions':
      return server.conditions();
    case 'snapshot':
      return server.snapshot();
    case 'ping':
      return true;
    case 'reload':
      serving.config = order.config;
      return server.reload(order.config);
  }
}

/** Resolves when it is sent, or nobody is there to send it to. */
function report(message: Report): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined || !process.connected) resolve();
    else process.send(message, () => resolve());
  });
}
