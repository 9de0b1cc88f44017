import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import mqttPacket, { type IPublishPacket } from 'mqtt-packet';
import { type BridgedMessage, originMarks } from '../../../src/bridge/link/bridged-message.ts';
import { PublishEncoder } from '../../../src/bridge/link/publish-encoder.ts';
import { maxPacketBytes } from '../../../src/mqtt/control-packet.ts';

const noBytes = Buffer.alloc(0);

function message(parts: Partial<BridgedMessage>): BridgedMessage {
  return {
    ...{ topic: 'dt/a/x', qos: 1, retain: false, properties: noBytes, payload: noBytes, isMarked: false },
    ...{ expiresAtMs: Number.POSITIVE_INFINITY, ...parts },
  };
}

function parsed(bytes: Buffer, protocolVersion: 4 | 5): IPublishPacket {
  const packets: IPublishPacket[] = [];
  const parser = mqttPacket.parser({ protocolVersion });
  parser.on('packet', (packet) => packets.push(packet as IPublishPacket));
  assert.equal(parser.parse(bytes), 0, 'bytes are left behind the packet');
  assert.equal(packets.length, 1);
  return packets[0] as IPublishPacket;
}

function encoded(encoder: PublishEncoder, of: BridgedMessage, packetId: number, wallMs = 0): Buffer {
  const packetBytes = encoder.sizeOf(of);
  return encoder.encode(of, { packetBytes, packetId, retain: of.retain, wallMs }).subarray(0, packetBytes);
}

describe('PublishEncoder', () => {
  // Around each length that a variable byte integer takes one more byte for, and the scratch.
  const sizes = [
    0, 1, 90, 100, 110, 112, 113, 114, 115, 116, 117, 118, 119, 120, 16_360, 16_370, 16_380, 65_520, 65_540,
  ];
  for (const protocolVersion of [4, 5] as const) {
    const encoder = new PublishEncoder(protocolVersion === 5 ? '5' : '3.1.1', originMarks('legacy'));
    for (const size of [...sizes, ...Array.from({ length: 12 }, (_, index) => 2_097_140 + index)]) {
      test(`MQTT ${protocolVersion}: another codec reads a payload of ${size} bytes`, () => {
        const payload = Buffer.alloc(size, 'p');
        const packet = parsed(encoded(encoder, message({ payload }), 0x1234), protocolVersion);
        assert.deepEqual([packet.topic, packet.qos, packet.messageId], ['dt/a/x', 1, 0x1234]);
        assert.ok(payload.equals(packet.payload as Buffer));
      });
    }
    test(`MQTT ${protocolVersion}: QoS 0, RETAIN and a topic that is not ASCII`, () => {
      const packet = parsed(
        encoded(encoder, message({ topic: 'dt/Größe/x', qos: 0, retain: true }), 0),
        protocolVersion,
      );
      assert.deepEqual([packet.topic, packet.qos, packet.retain, packet.messageId], ['dt/Größe/x', 0, true, undefined]);
    });
  }

  test('shows marks, the message’s own properties and what is left of its time', () => {
    const encoder = new PublishEncoder('5', originMarks('legacy'));
    const properties = Buffer.from([0x01, 1]);
    const bytes = encoded(encoder, message({ properties, expiresAtMs: 9_001 }), 7, 5_000);
    assert.deepEqual(
      { ...parsed(bytes, 5).properties },
      {
        payloadFormatIndicator: true,
        messageExpiryInterval: 5,
        userProperties: { __proto__: null, 'crossfade-hops': '1', 'crossfade-origin': 'legacy' },
      },
    );
  });

  test('refuses what MQTT cannot say', () => {
    const encoder = new PublishEncoder('3.1.1', noBytes);
    assert.throws(() => encoder.sizeOf(message({ topic: 'ä'.repeat(32_768) })), RangeError);
    const payload = { length: maxPacketBytes } as Buffer;
    assert.throws(() => encoder.sizeOf(message({ payload })), RangeError);
  });
});
