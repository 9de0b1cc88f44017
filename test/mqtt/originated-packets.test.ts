import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import mqtt, { type Packet } from 'mqtt-packet';
import { encodeAcknowledgement } from '../../src/mqtt/acknowledgement-packet.ts';
import {
  type ConnackRefusal,
  connackCodeOfReason,
  connackReasonOfCode,
  decodeConnack,
  encodeConnack,
  encodeConnackRefusal,
} from '../../src/mqtt/connack-packet.ts';
import type { ProtocolVersion } from '../../src/mqtt/control-packet.ts';
import {
  decodeDisconnect,
  disconnectReason,
  encodeClientDisconnect,
  encodeServerDisconnect,
} from '../../src/mqtt/disconnect-packet.ts';
import { pairProperty, propertyId, uint16Property } from '../../src/mqtt/properties.ts';
import { knownReasons } from '../../src/mqtt/reason-code.ts';

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
});

describe('the CONNACK codes of the two versions', () => {
  const upstreamOf5: [reason: number, code: number][] = [
    [0x00, 0],
    [0x84, 1],
    [0x85, 2],
    ...[0x88, 0x89, 0x97, 0x9f, 0x9c, 0x9d, 0x80, 0x83].map((reason): [number, number] => [reason, 3]),
    [0x86, 4],
    [0x8c, 4],
    [0x87, 5],
    [0x8a, 5],
    // What the table does not list is the broker's trouble, not the device's.
    ...[0x81, 0x82, 0x90, 0x95, 0x99, 0x9a, 0x9b].map((reason): [number, number] => [reason, 3]),
  ];
  for (const [reason, code] of upstreamOf5) {
    it(`tell a device of MQTT 3 ${code} for 0x${reason.toString(16)}`, () =>
      assert.equal(connackCodeOfReason(reason), code));
  }
  it('cover every reason that CONNACK knows', () => {
    assert.deepEqual(new Set(upstreamOf5.map(([reason]) => reason)), knownReasons.connack);
  });

  const upstreamOf3: [code: number, reason: number][] = [
    [0, 0x00],
    [1, 0x84],
    [2, 0x85],
    [3, 0x88],
    [4, 0x86],
    [5, 0x87],
    [6, 0x80],
    [255, 0x80],
  ];
  for (const [code, reason] of upstreamOf3) {
    it(`tell a device of MQTT 5 0x${reason.toString(16)} for ${code}`, () =>
      assert.equal(connackReasonOfCode(code), reason));
  }
  it('come back as they were', () => {
    for (const code of [0, 1, 2, 3, 4, 5]) assert.equal(connackCodeOfReason(connackReasonOfCode(code)), code);
  });
});

describe('encodeConnack', () => {
  const properties = [uint16Property(propertyId.receiveMaximum, 100)];
  const rows: [name: string, protocol: ProtocolVersion, code: number, sessionPresent: boolean, hex: string][] = [
    ['has no session present in MQTT 3.1', '3.1', 0, true, '20020000'],
    ['says session present', '3.1.1', 0, true, '20020100'],
    ['refuses without a session [MQTT-3.2.2-4]', '3.1.1', 5, true, '20020005'],
    ['has properties in MQTT 5', '5', 0, true, '2006010003210064'],
    ['refuses without a session [MQTT-3.2.2-6]', '5', 0x87, true, '2006008703210064'],
  ];
  for (const [name, protocol, code, sessionPresent, hex] of rows) {
    it(`${name} (${protocol})`, () =>
      assert.equal(encodeConnack(protocol, { code, sessionPresent, properties }).toString('hex'), hex));
  }
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
    const decode = (...body: number[]) => {
      const decoded = decodeDisconnect(Buffer.from([0xe0, body.length, ...body]), '5');
      if (!decoded.ok) return undefined;
      const { reason, sessionExpiryInterval } = decoded.value;
      return [reason, sessionExpiryInterval];
    };
    assert.deepEqual(decode(), [0, undefined]);
    assert.deepEqual(decode(4), [4, undefined]);
    assert.deepEqual(decode(0, 5, 0x11, 0, 0, 0, 9), [0, 9]);
    assert.equal(decode(0, 5, 0x11, 0, 0), undefined);
    assert.equal(decode(0, 2, 0x01, 0), undefined);
  });
});

describe('encodeClientDisconnect', () => {
  const rows: [hex: string, bytes: Buffer][] = [
    ['e000', encodeClientDisconnect()],
    ['e000', encodeClientDisconnect('3.1', { reason: 4, sessionExpiryInterval: 9 })],
    ['e000', encodeClientDisconnect('5')],
    ['e000', encodeClientDisconnect('5', { reason: 0 })],
    ['e00104', encodeClientDisconnect('5', { reason: 4 })],
    ['e00700051100000009', encodeClientDisconnect('5', { sessionExpiryInterval: 9 })],
  ];
  for (const [hex, bytes] of rows) it(`is ${hex}`, () => assert.equal(bytes.toString('hex'), hex));
});

describe('encodeAcknowledgement', () => {
  const list = [pairProperty(propertyId.userProperty, '', '')];
  const rows: [name: string, hex: string, bytes: Buffer][] = [
    ['PUBACK, success', '40020001', encodeAcknowledgement('5', { type: 4, packetId: 1 })],
    ['PUBREC, a reason', '5003000110', encodeAcknowledgement('5', { type: 5, packetId: 1, reason: 0x10 })],
    ['PUBREL before MQTT 5', '6202ffff', encodeAcknowledgement('3.1.1', { type: 6, packetId: 65_535, reason: 0x92 })],
    [
      'PUBCOMP, success with a property',
      '7009000100052600000000',
      encodeAcknowledgement('5', { type: 7, packetId: 1, properties: list }),
    ],
    [
      'PUBACK before MQTT 5 with a property',
      '40020001',
      encodeAcknowledgement('3.1', { type: 4, packetId: 1, properties: list }),
    ],
  ];
  for (const [name, hex, bytes] of rows) {
    it(`is the shortest legal form: ${name}`, () => assert.equal(bytes.toString('hex'), hex));
  }
});

function parse(bytes: Buffer, protocolVersion: 4 | 5): Record<string, unknown> {
  const parser = mqtt.parser({ protocolVersion });
  const packets: Packet[] = [];
  parser.on('packet', (packet) => packets.push(packet));
  parser.parse(bytes);
  assert.equal(packets.length, 1);
  return { ...packets[0] };
}
