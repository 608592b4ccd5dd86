import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import t from 'tap';
import { BodyStream } from '../../../src/gateway/fast/body-stream.ts';
import { ReceivedBody } from '../../../src/gateway/fast/received-body.ts';

const PIECE = 64 * 1024;

t.test('a body goes through as fast as it is taken, and whole', async (t) => {
  const pieces = 20;
  const told = { arrived: 0, awaited: 0 };
  const body = new ReceivedBody(pieces * PIECE, () => undefined);
  body.watch({
    bodyArrived: (bytes) => {
      told.arrived += bytes;
    },
    bodyAwaited: () => {
      told.awaited++;
    },
    bodyTooLarge: () => t.fail('it has the length that was announced'),
  });
  const stream = new BodyStream(body);
  for (let i = 0; i < pieces; i++) body.receive(Buffer.alloc(PIECE, i));
  t.equal(body.heldBytes, pieces * PIECE, 'nothing is taken before it is asked for');
  const taken: Buffer[] = [];
  let mostAhead = 0;
  const slow = new Writable({
    highWaterMark: 1,
    write: (chunk: Buffer, _encoding, done) => {
      taken.push(chunk);
      mostAhead = Math.max(mostAhead, told.arrived - Buffer.concat(taken).length);
      setImmediate(done);
    },
  });
  await pipeline(stream, slow);
  const whole = Buffer.concat(taken);
  t.equal(whole.length, pieces * PIECE);
  for (let i = 0; i < pieces; i++) t.equal(whole[i * PIECE], i);
  t.ok(mostAhead <= 3 * PIECE, `${mostAhead} bytes were under way at most`);
  t.ok(told.awaited > pieces / 2);
  t.notOk(stream.awaitsClient);
});

t.test('the client is waited for while nothing is there, and no longer once it is destroyed', async (t) => {
  const body = new ReceivedBody(2, () => undefined);
  const stream = new BodyStream(body);
  stream.resume();
  await new Promise((resolve) => setImmediate(resolve));
  t.ok(stream.awaitsClient);
  stream.destroy();
  t.notOk(stream.awaitsClient);
  body.receive(Buffer.from('ab'));
  t.equal(body.heldBytes, 2, 'what comes then is not its affair');
});
