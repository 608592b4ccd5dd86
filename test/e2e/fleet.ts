/** A gateway of several workers, and who of them answers what. */
import { Agent, get } from 'node:http';
import type { Test } from 'tap';
import type { Serving } from '../cli/serving.ts';
import { until } from './site.ts';

export interface LoggedLine {
  readonly level: string;
  readonly msg: string;
  readonly worker?: number;
  readonly pid?: number;
  readonly request_id?: string;
  readonly key_id?: string;
  readonly status?: number;
}

export interface LineAnswer {
  readonly status: number;
  readonly requestId: string;
  readonly body: string;
  /** The connection was there before. */
  readonly isReused: boolean;
}

/** One connection that stays open from request to request, while nobody cuts it. */
export class Line {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #url: string;
  readonly #secret: string | undefined;

  constructor(t: Test, url: string, secret?: string) {
    this.#url = url;
    this.#secret = secret;
    t.teardown(() => this.close());
  }

  close(): void {
    this.#agent.destroy();
  }

  /** Rejects when the connection is cut before the whole answer is there. */
  get(path: string): Promise<LineAnswer> {
    const headers = this.#secret === undefined ? {} : { authorization: `Bearer ${this.#secret}` };
    const { promise, resolve, reject } = Promise.withResolvers<LineAnswer>();
    const request = get(`${this.#url}${path}`, { agent: this.#agent, headers }, (answer) => {
      let body = '';
      answer.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      answer.on('error', reject).on('end', () => {
        const requestId = String(answer.headers['x-request-id']);
        resolve({ status: answer.statusCode ?? 0, requestId, body, isReused: request.reusedSocket });
      });
    });
    request.on('error', reject);
    return promise;
  }
}

/** What was logged so far, in whole lines. */
export function logged({ stdout }: Serving): LoggedLine[] {
  const whole = stdout.slice(0, stdout.lastIndexOf('\n') + 1);
  const lines = whole.split('\n').filter((line) => line.startsWith('{"level"'));
  return lines.map((line) => JSON.parse(line) as LoggedLine);
}

/** The worker that answered, as the log has it. */
export async function workerOf(serving: Serving, { requestId }: LineAnswer): Promise<number> {
  await serving.until(`"request_id":"${requestId}"`);
  await until(() => logged(serving).some((line) => line.request_id === requestId));
  return logged(serving).find((line) => line.request_id === requestId)?.worker ?? 0;
}

/** The processes of the workers, in their order, as they were when the gateway started. */
export function firstPids({ stderr }: Serving): [number, number] {
  const pids = /^workers: \d+, pids (.*)$/m.exec(stderr)?.[1]?.split(' ').map(Number) ?? [];
  return [pids[0] ?? 0, pids[1] ?? 0];
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Opens connections until each of both workers has some, and sorts them by worker. */
export async function linesOfBoth(t: Test, serving: Serving, path: string, secret?: string): Promise<[Line[], Line[]]> {
  const sorted: [Line[], Line[]] = [[], []];
  while (sorted.some((lines) => lines.length < 2)) {
    const lines = Array.from({ length: 8 }, () => new Line(t, serving.url, secret));
    const answers = await Promise.all(lines.map((line) => line.get(path)));
    const workers = await Promise.all(answers.map((answer) => workerOf(serving, answer)));
    for (const [i, line] of lines.entries()) sorted[(workers[i] ?? 1) - 1]?.push(line);
  }
  return sorted;
}

/** Samples of a scrape by name and labels. */
export async function scrape({ healthUrl }: Serving): Promise<ReadonlyMap<string, number>> {
  const text = await (await fetch(`${healthUrl}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line): [string, number] => {
      const space = line.lastIndexOf(' ');
      return [line.slice(0, space), Number(line.slice(space + 1))];
    }),
  );
}
