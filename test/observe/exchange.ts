import type { Exchange } from '../../src/core/exchange.ts';

/** A GET that was let in and answered 200, with what a test changes of it. */
export function exchange(changes: Partial<Exchange> = {}): Exchange {
  return {
    requestId: 'req-1',
    method: 'GET',
    path: '/api/domains/7',
    route: 'GET /api/domains/:id',
    address: '203.0.113.9',
    userAgent: 'curl/8.16.0',
    keyId: 'key_0123456789abcdef',
    keyType: 'personal',
    owner: 'user_1',
    counted: null,
    previousSecret: false,
    allowed: true,
    status: 200,
    code: null,
    wouldDeny: null,
    aborted: null,
    requestBytes: 0,
    responseBytes: 512,
    at: Date.UTC(2026, 10, 3, 9, 59, 59, 998),
    durationMs: 7.1234567,
    upstreamMs: 5.25,
    failure: null,
    ...changes,
  };
}
