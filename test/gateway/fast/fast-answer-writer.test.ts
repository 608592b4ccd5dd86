import t from 'tap';
import type { GatewayContext } from '../../../src/gateway/context.ts';
import { examine } from '../../../src/gateway/examine.ts';
import type { ClientLine } from '../../../src/gateway/fast/client-line.ts';
import { FastAnswerWriter } from '../../../src/gateway/fast/fast-answer-writer.ts';
import { InFlight } from '../../../src/gateway/in-flight.ts';
import { policyOf } from '../../../src/gateway/policy.ts';
import { UpstreamTable } from '../../../src/gateway/upstreams.ts';
import { config, NOW, stubGate } from '../../support/gateway.ts';

const IDLE_MS = 5_000;

t.test('a client that neither sends the rest of its body nor reads the answer is given up', async (t) => {
  const gate = stubGate();
  const policy = policyOf(config(), new UpstreamTable([]));
  const context: GatewayContext = {
    gate,
    clock: gate.clock,
    onExchange: () => undefined,
    policy,
    draining: false,
    inFlight: new InFlight(),
    now: 1,
  };
  const seen = { flushes: 0, discards: 0 };
  const line: ClientLine = {
    closing: false,
    keepAliveText: '\r\n',
    isReceiving: true,
    holdsBytes: false,
    needsDrain: true,
    write: () => false,
    writePieces: () => false,
    whenFlushed: () => {
      seen.flushes++;
    },
    discardBody: () => {
      seen.discards++;
    },
  };
  const rawHeaders = ['Host', 'a', 'Content-Length', '9'];
  const head = { method: 'POST', url: '/x', httpVersionMajor: 1, httpVersionMinor: 1, rawHeaders };
  const examined = examine(head, '127.0.0.1', policy, NOW);
  const writer = new FastAnswerWriter(context, line, examined, { closed: () => undefined, drained: () => undefined });
  writer.head(200, ['Content-Length', '0'], null);
  writer.end();
  t.strictSame(seen, { flushes: 0, discards: 1 }, 'the rest of the body is waited for');
  for (context.now = 250; context.now < 5_000; context.now += 250) t.notOk(writer.isStalled(context.now, IDLE_MS));
  t.equal(seen.flushes, 1, 'for a second; then the end of the answer is waited for, once');
  t.ok(line.closing);
  context.now += 4 * IDLE_MS;
  t.ok(writer.isStalled(context.now, IDLE_MS));
});
