import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BridgedMessage } from '../../../src/bridge/link/bridged-message.ts';
import type { ClientPort, ClientTerms } from '../../../src/bridge/link/broker-client.ts';
import { Lane, type LaneItem } from '../../../src/bridge/link/lane.ts';
import { PublishEncoder } from '../../../src/bridge/link/publish-encoder.ts';

const noBytes = Buffer.alloc(0);
const encoder = new PublishEncoder('5', noBytes);
const terms: ClientTerms = {
  ...{ protocol: '5', clientId: 'lane', cleanStart: true, sessionExpirySeconds: 0, keepAliveSeconds: 30 },
  ...{ receiveMaximum: 1, wholePublishBytes: 1_000 },
};
const limits = {
  ...{ window: 10, maxPacketBytes: 1_000, publishesPerSecond: Number.POSITIVE_INFINITY, ackTimeoutMs: 1_000 },
  ...{ bytesPerSecond: Number.POSITIVE_INFINITY, maxBlame: 5, quotaPauseMs: 10, maxThrottled: 5 },
};

function item(name: string): LaneItem {
  const message: BridgedMessage = {
    ...{ topic: name, qos: 1, retain: false, properties: noBytes, payload: noBytes, isMarked: false },
    expiresAtMs: Number.POSITIVE_INFINITY,
  };
  const packetBytes = encoder.sizeOf(message);
  const tooOldMs = Number.POSITIVE_INFINITY;
  const none = { packetId: 0, sentAtMs: 0, blame: 0, throttled: 0, sendings: 0 };
  return { message, tooOldMs, packetBytes, retain: false, ...none };
}

/** A lane whose target says what the test lets it say. */
class LaneBench {
  readonly done: string[] = [];
  /** Topic and packet identifier of each PUBLISH on the connection that is. */
  sent: { readonly name: string; readonly packetId: number }[] = [];
  readonly lane = new Lane(
    { number: 0, terms, limits, encoder },
    {
      handleDone: ({ message }) => this.done.push(message.topic),
      handleRefused: ({ message }, refusal) => assert.fail(`${message.topic}: ${refusal}`),
      handleSending: () => {},
      handleRetainLost: () => assert.fail('RETAIN is lost'),
      wallMs: () => 0,
    },
  );

  connect(nowMs: number): void {
    this.sent = [];
    const port: ClientPort = {
      isFull: false,
      write: (bytes, length) => {
        if ((bytes[0] as number) >> 4 !== 3) return;
        const topicEnd = 4 + bytes.readUInt16BE(2);
        assert.equal(length, topicEnd + 3);
        this.sent.push({ name: bytes.toString('utf8', 4, topicEnd), packetId: bytes.readUInt16BE(topicEnd) });
      },
      close: (cause) => assert.fail(cause),
    };
    this.lane.connect(port, nowMs).receive(Buffer.from([0x20, 3, 0, 0, 0]), nowMs);
    this.lane.openGate(nowMs);
  }

  puback(name: string, reason: number, nowMs: number): void {
    const packetId =
      this.sent.findLast((packet) => packet.name === name)?.packetId ?? assert.fail(`${name} is not sent`);
    this.lane.client?.receive(Buffer.from([0x40, 3, packetId >> 8, packetId & 0xff, reason]), nowMs);
  }

  get names(): readonly string[] {
    return this.sent.map(({ name }) => name);
  }
}

test('a message that was sent back for a quota, and again, goes once more on a new connection, and not twice', () => {
  const bench = new LaneBench();
  bench.connect(0);
  bench.lane.push(item('first'), 0);
  bench.lane.push(item('second'), 0);
  bench.puback('second', 0x97, 1);
  bench.lane.handleTick(50);
  assert.deepEqual(bench.names, ['first', 'second', 'second']);
  bench.lane.handleLost(60);
  bench.connect(100);
  assert.equal(bench.lane.length, 2);
  for (const name of ['first', 'second']) bench.puback(name, 0, 110);
  assert.deepEqual(bench.names, ['first', 'second']);
  assert.deepEqual(bench.done, ['first', 'second']);
  assert.equal(bench.lane.length, 0);
});

test('the oldest message decides when PUBACK is overdue, in whatever order others are acknowledged', () => {
  const bench = new LaneBench();
  bench.connect(0);
  bench.lane.push(item('first'), 5);
  bench.lane.push(item('second'), 300);
  bench.lane.push(item('third'), 400);
  assert.equal(bench.lane.nextDeadlineMs, 1_005);
  bench.puback('second', 0, 500);
  assert.equal(bench.lane.nextDeadlineMs, 1_005);
  bench.puback('first', 0, 600);
  assert.equal(bench.lane.nextDeadlineMs, 1_400);
});
