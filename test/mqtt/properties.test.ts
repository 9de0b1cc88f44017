import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ByteReader } from '../../src/mqtt/byte-reader.ts';
import { variableByteInteger } from '../../src/mqtt/packet-bytes.ts';
import {
  allowedProperties,
  binaryProperty,
  decodeProperties,
  encodePropertyList,
  findPropertyFault,
  forEachProperty,
  Properties,
  pairProperty,
  propertyId,
  propertyListFault,
  type RawProperty,
  uint8Property,
  uint16Property,
  uint32Property,
  utf8Property,
  variableProperty,
} from '../../src/mqtt/properties.ts';
import { anyPropertyList } from './packet-arbitraries.ts';

const { publishOfClient, publishOfServer, will, connack, disconnectOfServer } = allowedProperties;

describe('propertyListFault', () => {
  const rows: [name: string, allowed: ReadonlySet<number>, hex: string, reason: number][] = [
    ['nothing', publishOfClient, '', 0],
    ['everything a message may have', publishOfClient, '0101 0200000005 030000 08000161 090001ff 230001 2600000000', 0],
    ['a topic alias before a content type', publishOfClient, '230001 03000161', 0],
    ['user properties of one name', publishOfClient, '2600016b0000 2600016b0000', 0],
    ['several Subscription Identifiers of a broker', publishOfServer, '0b01 0b8001 0bffffff7f', 0],
    ['a Subscription Identifier of a device [MQTT-3.3.4-6]', publishOfClient, '0b01', 0x82],
    ['a will delay', will, '1800000005', 0],
    ['a will delay in a PUBLISH', publishOfClient, '1800000005', 0x81],
    ['a topic alias in a will', will, '230001', 0x81],
    ['an identifier that does not exist', publishOfClient, '04', 0x81],
    ['an identifier of two bytes', publishOfClient, '8100', 0x81],
    ['topic alias 0 [MQTT-3.3.2-8]', publishOfClient, '230000', 0x81],
    ['two topic aliases [§3.3.2.3.4]', publishOfClient, '230001 230002', 0x82],
    ['payload format 2', publishOfClient, '0102', 0x82],
    ['two payload formats', publishOfClient, '0100 0101', 0x82],
    ['Subscription Identifier 0', publishOfServer, '0b00', 0x81],
    ['a Subscription Identifier of more bytes than needed [MQTT-1.5.5-1]', publishOfServer, '0b8100', 0x81],
    ['a Subscription Identifier of five bytes', publishOfServer, '0bffffffff01', 0x81],
    ['a Subscription Identifier cut short', publishOfServer, '0b80', 0x81],
    ['a response topic with + [MQTT-3.3.2-14]', publishOfClient, '0800012b', 0x82],
    ['a response topic with # [MQTT-3.3.2-14]', will, '080003612f23', 0x82],
    ['an empty response topic [MQTT-4.7.3-1]', publishOfClient, '080000', 0x82],
    ['U+0000 in a content type [MQTT-1.5.4-2]', publishOfClient, '03000100', 0x81],
    ['broken UTF-8 in a content type [MQTT-1.5.4-1]', publishOfClient, '030002c328', 0x81],
    ['a surrogate in the name of a user property', publishOfClient, '260003eda0800000', 0x81],
    ['broken UTF-8 in the value of a user property', publishOfClient, '2600000001ff', 0x81],
    ['correlation data of any bytes', publishOfClient, '09000300ff2b', 0],
    ['an identifier without a value', publishOfClient, '02', 0x81],
    ['a number cut short', publishOfClient, '02000000', 0x81],
    ['text cut short', publishOfClient, '03000261', 0x81],
    ['a user property without a value', publishOfClient, '2600016b', 0x81],
    ['Maximum QoS 2', connack, '2402', 0x82],
    ['Maximum Packet Size 0', connack, '2700000000', 0x82],
    ['Server Keep Alive 0', connack, '130000', 0],
    ['session expiry from a broker [MQTT-3.14.2-2]', disconnectOfServer, '1100000001', 0x82],
  ];
  for (const [name, allowed, hex, reason] of rows) {
    it(`judges ${name}: ${reason === 0 ? 'nothing wrong' : `0x${reason.toString(16)}`}`, () => {
      const list = Buffer.from(hex.replaceAll(' ', ''), 'hex');
      assert.equal(findPropertyFault(list, 0, list.length, allowed)?.reason ?? 0, reason);
      // In the middle of other bytes as well, which would mend or break the list if they were looked at.
      for (const around of [0x00, 0x26, 0xff]) {
        const bytes = Buffer.concat([Buffer.alloc(3, around), list, Buffer.alloc(8, around)]);
        const fault = propertyListFault(bytes, 3, 3 + list.length, allowed);
        assert.equal(fault === undefined, reason === 0, fault ?? name);
      }
    });
  }

  it('judges long text as it judges short text', () => {
    const lists = fc.tuple(fc.integer({ min: 60, max: 70 }), fc.nat(), fc.constantFrom(0x00, 0x61, 0xff));
    fc.assert(
      fc.property(lists, ([length, at, byte]) => {
        const text = Buffer.alloc(length, 0x62);
        text[at % length] = byte;
        const list = encodePropertyList([binaryProperty(propertyId.contentType, text)]).subarray(1);
        assert.equal(propertyListFault(list, 0, list.length, publishOfClient) === undefined, byte === 0x61);
      }),
    );
  });
});

describe('a property list', () => {
  for (const [name, allowed] of Object.entries(allowedProperties)) {
    it(`of ${name} is the same after the wire`, () => {
      fc.assert(
        fc.property(anyPropertyList(allowed), fc.nat(), (list, cut) => {
          const bytes = encodePropertyList(list);
          const reader = new ByteReader(bytes);
          const decoded = decodeProperties(reader, allowed, 'properties');
          assert.equal(reader.problem, undefined);
          assert.equal(reader.bytesLeft, 0);
          assert.deepEqual(decoded.list, list);
          assert.deepEqual(encodePropertyList(decoded.list), bytes);
          const shorter = new ByteReader(bytes.subarray(0, cut % bytes.length));
          decodeProperties(shorter, allowed, 'properties');
          assert.ok(shorter.problem);
        }),
      );
    });
  }

  it('is visited in order, with the bounds of each value', () => {
    const visits: [number, string][] = [];
    const bytes = Buffer.from('ff 0101 0b8001 2600016b000176 03000161 ff'.replaceAll(' ', ''), 'hex');
    forEachProperty(bytes, 1, bytes.length - 1, (id, start, end) =>
      visits.push([id, bytes.toString('hex', start, end)]),
    );
    assert.deepEqual(visits, [
      [0x01, '01'],
      [0x0b, '8001'],
      [0x26, '00016b000176'],
      [0x03, '000161'],
    ]);
  });

  it('is not held by the buffer that it came in, nor the other way round', () => {
    const bytes = encodePropertyList([uint16Property(propertyId.receiveMaximum, 20)]);
    const properties = decodeProperties(new ByteReader(bytes), connack, 'properties');
    bytes.fill(0);
    assert.equal(properties.number(propertyId.receiveMaximum), 20);
    assert.equal(properties.list[0]?.bytes.buffer.byteLength, 3);
  });
});

describe('Properties', () => {
  const list: readonly RawProperty[] = [
    uint8Property(propertyId.maximumQos, 1),
    uint16Property(propertyId.serverKeepAlive, 1_200),
    uint32Property(propertyId.sessionExpiryInterval, 0xffff_ffff),
    variableProperty(propertyId.subscriptionIdentifier, 1),
    variableProperty(propertyId.subscriptionIdentifier, 268_435_455),
    utf8Property(propertyId.reasonString, 'why ☂'),
    pairProperty(propertyId.userProperty, 'k', 'v'),
  ];
  const properties = new Properties(encodePropertyList(list).subarray(1));

  it('gives numbers, text and what is there', () => {
    assert.equal(properties.number(propertyId.maximumQos), 1);
    assert.equal(properties.number(propertyId.serverKeepAlive), 1_200);
    assert.equal(properties.number(propertyId.sessionExpiryInterval), 0xffff_ffff);
    assert.deepEqual(properties.numbers(propertyId.subscriptionIdentifier), [1, 268_435_455]);
    assert.equal(properties.text(propertyId.reasonString), 'why ☂');
    assert.ok(properties.has(propertyId.userProperty));
  });

  it('gives nothing for what is absent or of another kind', () => {
    assert.equal(properties.number(propertyId.receiveMaximum), undefined);
    assert.deepEqual(properties.numbers(propertyId.receiveMaximum), []);
    assert.equal(properties.number(propertyId.reasonString), undefined);
    assert.equal(properties.text(propertyId.maximumQos), undefined);
    assert.equal(properties.text(propertyId.userProperty), undefined);
    assert.equal(properties.has(propertyId.receiveMaximum), false);
  });
});

describe('variableByteInteger', () => {
  const rows: [number, string][] = [
    [0, '00'],
    [127, '7f'],
    [128, '8001'],
    [16_383, 'ff7f'],
    [16_384, '808001'],
    [2_097_151, 'ffff7f'],
    [2_097_152, '80808001'],
    [268_435_455, 'ffffff7f'],
  ];
  for (const [value, hex] of rows) {
    it(`writes ${value} as ${hex} [MQTT 5 table 1-1]`, () => {
      assert.equal(variableByteInteger(value).toString('hex'), hex);
      assert.equal(new ByteReader(Buffer.from(hex, 'hex')).variableByteInteger('it'), value);
    });
  }
  for (const value of [-1, 0.5, 268_435_456, Number.NaN]) {
    it(`does not write ${value}`, () => assert.throws(() => variableByteInteger(value), RangeError));
  }
});
