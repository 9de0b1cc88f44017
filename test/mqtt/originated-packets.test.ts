import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import mqtt, { type Packet } from 'mqtt-packet';
import {
  type ConnackRefusal,
  connackCodeOfReason,
  connackReasonOfCode,
  decodeConnack,
  encodeConnackRefusal,
} from '../../src/mqtt/connack-packet.ts';
import {
  decodeDisconnectBody,
  disconnectReason,
  encodeClientDisconnect,
  encodeServerDisconnect,
} from '../../src/mqtt/disconnect-packet.ts';
import { InflightCount } from '../../src/mqtt/inflight-count.ts';
import { propertyId } from '../../src/mqtt/properties.ts';

describe('encodeConnackRefusal', () => {
  const rows: [ConnackRefusal, number | undefined, number][] = [
    ['unsupported-version', 1, 0x84],
    ['client-id', 2, 0x85],
    ['unavailable', 3, 0x88],
    ['bad-credentials', 4, 0x86],
    ['not-authorized', 5, 0x87],
    ['malformed', undefined, 0x81],
    ['protocol-error', undefined, 0x82],
  ];
  for (const [refusal, code, reason] of rows) {
    it(`says ${refusal} in each version's codes`, () => {
      const v3 = encodeConnackRefusal('3.1.1', refusal);
      assert.equal(v3 === undefined ? undefined : parse(v3, 4)['returnCode'], code);
      const v5 = parse(encodeConnackRefusal('5', refusal) ?? Buffer.alloc(0), 5);
      assert.equal(v5['reasonCode'], reason);
      assert.equal(v5['sessionPresent'], false);
    });
  }

  it('keeps the table of the two versions consistent both ways', () => {
    for (const code of [0, 1, 2, 3, 4, 5]) assert.equal(connackCodeOfReason(connackReasonOfCode(code)), code);
    for (const reason of [0x80, 0x83, 0x88, 0x89, 0x97, 0x9c, 0x9d, 0x9f]) assert.equal(connackCodeOfReason(reason), 3);
  });
});

describe('decodeConnack', () => {
  it('reads what brokers of each version say', () => {
    assert.deepEqual(decodeConnack(Buffer.from([0x20, 2, 1, 0]), '3.1.1'), {
      code: 0,
      sessionPresent: true,
      properties: undefined,
    });
    assert.deepEqual(decodeConnack(Buffer.from([0x20, 2, 0, 5]), '3.1'), {
      code: 5,
      sessionPresent: false,
      properties: undefined,
    });
    const properties = { sessionExpiryInterval: 7, assignedClientIdentifier: 'auto-1', receiveMaximum: 20 };
    const v5 = mqtt.generate(
      { cmd: 'connack', reasonCode: 0, sessionPresent: false, properties },
      { protocolVersion: 5 },
    );
    const { properties: list, ...rest } = decodeConnack(v5, '5') ?? assert.fail('no CONNACK');
    assert.equal(list?.number(propertyId.receiveMaximum), 20);
    assert.deepEqual(rest, {
      code: 0,
      sessionPresent: false,
      sessionExpiryInterval: 7,
      assignedClientId: 'auto-1',
    });
  });

  it('gives undefined for what is none', () => {
    for (const bytes of [
      [0x20, 1, 0],
      [0x20, 3, 0, 0, 0],
      [0x40, 2, 0, 0],
      [0x21, 2, 0, 0],
    ]) {
      assert.equal(decodeConnack(Buffer.from(bytes), '3.1.1'), undefined);
    }
    assert.equal(decodeConnack(Buffer.from([0x20, 4, 0, 0, 9, 1]), '5'), undefined);
  });
});

describe('DISCONNECT', () => {
  it('is what other parsers read', () => {
    assert.equal(parse(encodeClientDisconnect(), 4)['cmd'], 'disconnect');
    const taken = encodeServerDisconnect('5', disconnectReason.sessionTakenOver);
    assert.equal(parse(taken ?? Buffer.alloc(0), 5)['reasonCode'], 0x8e);
    assert.equal(encodeServerDisconnect('3.1.1', disconnectReason.sessionTakenOver), undefined);
  });

  it('tells a changed session expiry, and nothing when malformed', () => {
    assert.deepEqual(decodeDisconnectBody(Buffer.from([])), { reason: 0 });
    assert.deepEqual(decodeDisconnectBody(Buffer.from([4])), { reason: 4 });
    const body = Buffer.from([0, 5, 0x11, 0, 0, 0, 9]);
    assert.deepEqual(decodeDisconnectBody(body), { reason: 0, sessionExpiryInterval: 9 });
    assert.equal(decodeDisconnectBody(Buffer.from([0, 5, 0x11, 0, 0])), undefined);
    assert.equal(decodeDisconnectBody(Buffer.from([0, 2, 0x01, 0])), undefined);
  });
});

describe('InflightCount', () => {
  it('counts exchanges both ways from first bytes', () => {
    const count = new InflightCount();
    count.handleFromDevice(0x30);
    assert.equal(count.total, 0);
    count.handleFromDevice(0x32);
    count.handleFromDevice(0x34);
    count.handleFromBroker(0x33);
    assert.deepEqual([count.fromDevice, count.total], [2, 3]);
    count.handleFromBroker(0x40);
    count.handleFromBroker(0x50);
    count.handleFromDevice(0x62);
    assert.deepEqual([count.fromDevice, count.total], [1, 2]);
    count.handleFromBroker(0x70);
    count.handleFromDevice(0x40);
    count.handleFromDevice(0x40);
    assert.deepEqual([count.fromDevice, count.total], [0, 0]);
  });
});

function parse(bytes: Buffer, protocolVersion: 4 | 5): Record<string, unknown> {
  const parser = mqtt.parser({ protocolVersion });
  const packets: Packet[] = [];
  parser.on('packet', (packet) => packets.push(packet));
  parser.parse(bytes);
  assert.equal(packets.length, 1);
  return { ...packets[0] };
}
