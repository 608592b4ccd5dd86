import t from 'tap';
import { Flow } from '../../src/gateway/websocket/flow.ts';
import { closeFrame, FrameTracker } from '../../src/gateway/websocket/frames.ts';
import { frame, readClose } from './websocket-fixture.ts';

const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;

t.test('frames of every length form are followed, whatever the chunks', async (t) => {
  for (const masked of [false, true]) {
    const frames = [0, 1, 125, 126, 300, 65_535, 65_536].map((length) => frame(BINARY, 'x'.repeat(length), masked));
    const bytes = Buffer.concat([frame(PING, 'p', masked), ...frames]);
    const ends = new Set<number>();
    let end = 0;
    for (const each of [frame(PING, 'p', masked), ...frames]) ends.add((end += each.length));
    const tracker = new FrameTracker(masked);
    let wrong = 0;
    for (let i = 0; i < bytes.length; i++) {
      tracker.advance(bytes.subarray(i, i + 1), false);
      if (tracker.atBoundary !== ends.has(i + 1)) wrong++;
    }
    t.equal(wrong, 0, 'byte by byte');
    const whole = new FrameTracker(masked);
    t.equal(whole.advance(bytes, false), bytes.length);
    t.ok(whole.atBoundary, 'in one chunk');
    t.notOk(whole.closed);
  }
});

t.test('it stops behind the first frame that ends', async (t) => {
  const first = frame(TEXT, 'hello', false);
  const bytes = Buffer.concat([first, frame(TEXT, 'world', false)]);
  for (let begun = 0; begun < first.length; begun++) {
    const tracker = new FrameTracker(false);
    tracker.advance(bytes.subarray(0, begun), false);
    t.equal(tracker.advance(bytes.subarray(begun), true), first.length - begun, `after ${begun} bytes`);
    t.ok(tracker.atBoundary);
  }
});

t.test('a Close is noticed when it is whole', async (t) => {
  const close = closeFrame(1000, 'bye', true);
  const tracker = new FrameTracker(true);
  tracker.advance(close.subarray(0, -1), false);
  t.notOk(tracker.closed);
  tracker.advance(close.subarray(-1), false);
  t.ok(tracker.closed);
  const empty = new FrameTracker(false);
  empty.advance(frame(CLOSE, '', false), false);
  t.ok(empty.closed, 'also without a code');
});

t.test('what is no frame header ends the tracking for good', async (t) => {
  const cases: [string, Buffer, boolean][] = [
    ['a reserved opcode', Buffer.of(0x83, 0), false],
    ['a reserved control opcode', Buffer.of(0x8b, 0), false],
    ['a masked frame from a server', frame(TEXT, 'x', true), false],
    ['an unmasked frame from a client', frame(TEXT, 'x', false), true],
    ['a control frame in pieces', frame(PING, 'x', false, false), false],
    ['a long control frame', frame(PING, 'x'.repeat(126), false), false],
    ['a length beyond all measure', Buffer.of(0x82, 127, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), false],
  ];
  for (const [name, bytes, masked] of cases) {
    const tracker = new FrameTracker(masked);
    t.equal(tracker.advance(bytes, true), bytes.length, name);
    t.notOk(tracker.intact);
    tracker.advance(frame(TEXT, 'x', masked), false);
    t.notOk(tracker.atBoundary);
  }
});

t.test('a Close frame says its code and reason, masked or not', async (t) => {
  t.strictSame(readClose(closeFrame(1001, 'going away', false)), { code: 1001, reason: 'going away', masked: false });
  t.strictSame(readClose(closeFrame(1008, 'key_revoked', true)), { code: 1008, reason: 'key_revoked', masked: true });
  t.notSame(closeFrame(1001, '', true), closeFrame(1001, '', true), 'the mask is another each time');
});

t.test('a flow passes chunks on untouched until it is told to close', async (t) => {
  const flow = new Flow(false);
  const chunk = frame(TEXT, 'hello', false);
  t.equal(flow.pass(chunk), chunk);
  const close = closeFrame(1001, '', false);
  t.equal(flow.close(close), close, 'between frames at once');
  t.equal(flow.pass(chunk), null, 'and nothing behind it');
  t.equal(flow.close(close), null, 'once');
  t.ok(flow.receiverTold);
});

t.test('a flow puts its Close behind the frame that is under way, wherever that is cut', async (t) => {
  const hello = frame(TEXT, 'hello', false);
  const rest = frame(TEXT, 'world', false);
  const close = closeFrame(1001, 'x', false);
  for (let begun = 1; begun < hello.length; begun++) {
    const flow = new Flow(false);
    flow.pass(hello.subarray(0, begun));
    t.equal(flow.close(close), null);
    t.notOk(flow.receiverTold);
    const out = flow.pass(Buffer.concat([hello.subarray(begun), rest]));
    t.same(out, Buffer.concat([hello.subarray(begun), close]), `after ${begun} bytes`);
    t.equal(flow.pass(frame(CLOSE, '', false)), null);
    t.ok(flow.senderClosed, 'the sender is still listened to');
  }
});

t.test('a flow adds no Close to one that the sender has sent', async (t) => {
  const flow = new Flow(false);
  flow.pass(frame(CLOSE, '', false));
  t.equal(flow.close(closeFrame(1001, '', false)), null);
  t.ok(flow.receiverTold);
  const midway = new Flow(false);
  const own = closeFrame(1000, 'own', false);
  midway.pass(own.subarray(0, 3));
  midway.close(closeFrame(1001, '', false));
  t.same(midway.pass(own.subarray(3)), own.subarray(3));
  t.equal(midway.pass(frame(TEXT, 'x', false)), null);
});

t.test('a flow that is no longer followed passes everything and never closes', async (t) => {
  const flow = new Flow(false);
  flow.pass(Buffer.of(0x83, 0));
  t.notOk(flow.intact);
  t.equal(flow.close(closeFrame(1001, '', false)), null);
  const chunk = Buffer.from('anything');
  t.equal(flow.pass(chunk), chunk);
  t.notOk(flow.receiverTold);
});
