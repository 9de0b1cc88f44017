import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { MessageFramer } from '../../src/nameserver/message-framer.ts';

function framed(messages: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    messages.flatMap((message) => [Buffer.of(message.length >> 8, message.length & 0xff), Buffer.from(message)]),
  );
}

/** All messages of a stream that comes in pieces that end at these offsets. */
function messagesOf(stream: Uint8Array, ends: readonly number[]): { messages: string[]; framer: MessageFramer } {
  const framer = new MessageFramer();
  const messages: string[] = [];
  let from = 0;
  for (const end of [...ends, stream.length]) {
    framer.feed(stream.subarray(from, end));
    from = end;
    for (let message = framer.next(); message !== undefined; message = framer.next()) {
      messages.push(Buffer.from(message).toString('hex'));
    }
  }
  return { messages, framer };
}

describe('MessageFramer', () => {
  test('finds the same messages however the stream is cut', () => {
    const messages = fc.array(fc.uint8Array({ maxLength: 2_000 }), { maxLength: 8 });
    fc.assert(
      fc.property(messages, fc.array(fc.nat({ max: 10_000 }), { maxLength: 30 }), (list, cuts) => {
        const stream = framed(list);
        const ends = cuts.map((cut) => cut % (stream.length + 1)).sort((one, other) => one - other);
        const expected = list.map((message) => Buffer.from(message).toString('hex'));
        const { messages: found, framer } = messagesOf(stream, ends);
        assert.deepEqual(found, expected);
        assert.equal(framer.isInMessage, false);
      }),
    );
  });

  test('takes the longest message an octet at a time', () => {
    const message = Buffer.alloc(65_535, 7);
    const stream = framed([message, Buffer.of(1)]);
    const { messages } = messagesOf(
      stream,
      Array.from(stream, (_, index) => index),
    );
    assert.deepEqual(messages, [message.toString('hex'), '01']);
  });

  test('knows when a message has begun', () => {
    const { framer } = messagesOf(Buffer.of(0), []);
    assert.equal(framer.isInMessage, true);
    framer.feed(Buffer.of(1, 9));
    assert.equal(Buffer.from(framer.next() ?? []).toString('hex'), '09');
    assert.equal(framer.next(), undefined);
    assert.equal(framer.isInMessage, false);
  });
});
