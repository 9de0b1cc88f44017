import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  allowedProperties,
  binaryProperty,
  encodePropertyList,
  findPropertyFault,
  pairProperty,
  propertyId,
  type RawProperty,
  uint8Property,
  uint16Property,
  uint32Property,
  utf8Property,
} from '../../src/mqtt/properties.ts';
import { PublishProperties } from '../../src/mqtt/publish-properties.ts';

const property: fc.Arbitrary<RawProperty> = fc.oneof(
  fc.integer({ min: 0, max: 2 }).map((value) => uint8Property(propertyId.payloadFormatIndicator, value)),
  fc.nat(0xffff_ffff).map((value) => uint32Property(propertyId.messageExpiryInterval, value)),
  fc.nat(0xffff).map((value) => uint16Property(propertyId.topicAlias, value)),
  fc.string({ unit: 'grapheme' }).map((text) => utf8Property(propertyId.contentType, text)),
  fc
    .string({ unit: fc.constantFrom('a', '/', '+', '#', 'é') })
    .map((text) => utf8Property(propertyId.responseTopic, text)),
  fc.uint8Array({ maxLength: 20 }).map((bytes) => binaryProperty(propertyId.correlationData, Buffer.from(bytes))),
  fc.tuple(fc.string(), fc.string()).map(([name, value]) => pairProperty(propertyId.userProperty, name, value)),
  fc.constant(uint16Property(propertyId.receiveMaximum, 5)),
);

/** The list without its length. */
function bytesOf(list: readonly RawProperty[]): Buffer {
  const encoded = encodePropertyList(list);
  return encoded.subarray(encoded.findIndex((byte) => byte < 0x80) + 1);
}

test('a list of properties is judged as the codec of the other packets judges it, cut or whole', () => {
  const judged = fc.property(fc.array(property, { maxLength: 6 }), fc.nat(200), (list, cut) => {
    const bytes = bytesOf(list);
    const end = cut < bytes.length ? cut : bytes.length;
    const fault = findPropertyFault(bytes, 0, end, allowedProperties.publishOfServer);
    assert.equal(
      new PublishProperties().read(bytes, 0, end) !== 0,
      fault !== undefined,
      `${bytes.toString('hex')} to ${end}`,
    );
  });
  fc.assert(judged, { numRuns: 5_000 });
});

test('an alias before a content type is two properties', () => {
  const list = [uint16Property(propertyId.topicAlias, 0x4ba2), utf8Property(propertyId.contentType, 'text/plain')];
  const properties = new PublishProperties();
  const bytes = bytesOf(list);
  assert.equal(properties.read(bytes, 0, bytes.length), 0);
  assert.equal(properties.topicAlias, 0x4ba2);
});
