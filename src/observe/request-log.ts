import type { Exchange, ExchangeSink } from '../core/exchange.ts';
import { quote } from './log-text.ts';
import { type GatewayLog, REQUEST_MESSAGE } from './logger.ts';

/** Characters that are kept of what a client chose. */
export const MAX_METHOD = 32;
export const MAX_REQUEST_ID = 200;
export const MAX_PATH = 1024;
export const MAX_USER_AGENT = 256;
const MAX_FAILURE = 512;
export const MAX_ROUTE = 1024;
/** Texts of few values (user agents, routes) whose literals are remembered. */
const MAX_REMEMBERED = 256;

const INFO = `{"level":"info","time":"`;
const WARN = `{"level":"warn","time":"`;
const AFTER_TIME = `","msg":"${REQUEST_MESSAGE}","request_id":`;

/**
 * One line per exchange. Written by hand, since it is made for each request: about 0.8 µs of CPU, where pino takes 2.5
 * for the same fields. What is null is left out.
 *
 * Answers that the gateway failed to give, or to give whole, are warnings; everything else is information.
 */
export function createRequestLog(log: GatewayLog): ExchangeSink {
  const time = isoTimes();
  const userAgent = remembered(MAX_USER_AGENT);
  const route = remembered(MAX_ROUTE);
  const { logger, writeLine } = log;
  const { info, warn } = logger.levels.values as { info: number; warn: number };
  return (exchange) => {
    const isWarning = isGatewayFailure(exchange);
    if (logger.levelVal > (isWarning ? warn : info)) return;
    let line = (isWarning ? WARN : INFO) + time(exchange.at + exchange.durationMs) + AFTER_TIME;
    line += quote(exchange.requestId, MAX_REQUEST_ID);
    line += `,"method":${quote(exchange.method, MAX_METHOD)},"path":${quote(exchange.path, MAX_PATH)}`;
    if (exchange.route !== null) line += `,"route":${route(exchange.route)}`;
    line += `,"status":${exchange.status}`;
    if (exchange.code !== null) line += `,"code":"${exchange.code}"`;
    if (exchange.wouldDeny !== null) line += `,"would_deny":${JSON.stringify(exchange.wouldDeny)}`;
    if (exchange.keyId !== null) line += `,"key_id":${quote(exchange.keyId, MAX_REQUEST_ID)}`;
    if (exchange.previousSecret) line += ',"previous_secret":true';
    line += `,"ip_address":${quote(exchange.address, MAX_REQUEST_ID)}`;
    if (exchange.userAgent !== undefined) line += `,"user_agent":${userAgent(exchange.userAgent)}`;
    line += `,"duration_ms":${microseconds(exchange.durationMs)}`;
    if (exchange.upstreamMs !== null) line += `,"upstream_ms":${microseconds(exchange.upstreamMs)}`;
    line += `,"request_bytes":${exchange.requestBytes},"response_bytes":${exchange.responseBytes}`;
    if (exchange.aborted !== null) line += `,"aborted":"${exchange.aborted}"`;
    if (exchange.failure !== null) line += `,"failure":${quote(exchange.failure, MAX_FAILURE)}`;
    writeLine(`${line}}\n`);
  };
}

function isGatewayFailure(exchange: Exchange): boolean {
  if (exchange.aborted === 'upstream' || exchange.aborted === 'gateway') return true;
  return exchange.code !== null && exchange.status >= 500;
}

/** Milliseconds with three decimals at most. */
function microseconds(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

/** ISO times, made anew for each second only. */
function isoTimes(): (ms: number) => string {
  let second = Number.NaN;
  let upToSecond = '';
  return (ms) => {
    const now = Math.floor(ms / 1000);
    if (now !== second) {
      second = now;
      upToSecond = new Date(now * 1000).toISOString().slice(0, 20);
    }
    const rest = Math.floor(ms - now * 1000);
    return `${upToSecond}${rest < 10 ? '00' : rest < 100 ? '0' : ''}${rest}Z`;
  };
}

/** Literals of texts that come again and again; forgotten all at once when there are too many. */
function remembered(max: number): (text: string) => string {
  const literals = new Map<string, string>();
  return (text) => {
    let literal = literals.get(text);
    if (literal === undefined) {
      literal = quote(text, max);
      // A long text would be kept whole, as its own name.
      if (text.length > max) return literal;
      if (literals.size >= MAX_REMEMBERED) literals.clear();
      literals.set(text, literal);
    }
    return literal;
  };
}
