import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeProxyHeader, encodeProxyHeader } from '../../src/gateway/proxy-protocol.ts';

const signature = '0d0a0d0a000d0a515549540a';
const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

test('decodeProxyHeader reads vectors written by hand from section 2.2', () => {
  const tcp4 = hex(`${signature} 21 11 000c c0000201 c6336402 d431 22b3`);
  assert.deepEqual(decodeProxyHeader(tcp4), {
    kind: 'header',
    byteLength: 28,
    source: { address: '192.0.2.1', port: 54321 },
    destination: { address: '198.51.100.2', port: 8883 },
  });
  const tcp6 = hex(
    `${signature} 21 21 0024 20010db8000000000000000000000001 20010db8000000000000000000000002 0001 22b3`,
  );
  assert.deepEqual(decodeProxyHeader(tcp6), {
    kind: 'header',
    byteLength: 52,
    source: { address: '2001:db8::1', port: 1 },
    destination: { address: '2001:db8::2', port: 8883 },
  });
  assert.deepEqual(decodeProxyHeader(Buffer.concat([tcp4, hex('1012')])), decodeProxyHeader(tcp4));
});

test('decodeProxyHeader gives no addresses for LOCAL, UNSPEC, UDP and UNIX', () => {
  const rows: [string, Buffer, number][] = [
    ['LOCAL', hex(`${signature} 20 00 0000`), 16],
    ['LOCAL with an unknown family and bytes to discard', hex(`${signature} 20 ff 0002 ffff`), 18],
    ['UNSPEC with a NOOP TLV', hex(`${signature} 21 00 0004 04 0001 00`), 20],
    ['UDP over IPv4', hex(`${signature} 21 12 000c c0000201 c6336402 d431 22b3`), 28],
    ['UNIX stream', Buffer.concat([hex(`${signature} 21 31 00d8`), Buffer.alloc(216)]), 232],
  ];
  for (const [name, bytes, byteLength] of rows) {
    assert.deepEqual(decodeProxyHeader(bytes), { kind: 'header', byteLength }, name);
  }
});

test('decodeProxyHeader refuses what cannot become a header, at the first wrong byte', () => {
  const rows: [string, Buffer, RegExp][] = [
    ['a TLS ClientHello', hex('16'), /expected the PROXY v2 signature, got 16/],
    ['PROXY version 1', Buffer.from('PROXY TCP4'), /signature/],
    ['version 3', hex(`${signature} 31`), /version 2, got 3/],
    ['an unassigned command', hex(`${signature} 22`), /LOCAL \(0\) or PROXY \(1\), got 2/],
    ['an unassigned family', hex(`${signature} 21 41`), /family, got 0x41/],
    ['a length beyond the bound', hex(`${signature} 21 11 1001`), /at most 4096 bytes, got 4097/],
    ['a LOCAL length beyond the bound', hex(`${signature} 20 00 ffff`), /at most 4096 bytes, got 65535/],
    ['fewer bytes than the addresses take', hex(`${signature} 21 21 000c`), /at least 36 bytes/],
    ['a TLV that reaches beyond', hex(`${signature} 21 00 0004 04 0002 00`), /reaches beyond/],
    ['a TLV without its length', hex(`${signature} 21 00 0002 04 00`), /reaches beyond/],
    ['a checksum of two bytes', hex(`${signature} 21 00 0005 03 0002 0000`), /checksum of 4 bytes, got 2/],
  ];
  for (const [name, bytes, message] of rows) {
    const decoding = decodeProxyHeader(bytes);
    assert.equal(decoding.kind, 'invalid', name);
    assert.match(decoding.kind === 'invalid' ? decoding.message : '', message, name);
  }
});

test('decodeProxyHeader verifies a CRC32c TLV', () => {
  assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283, 'the check value of CRC-32C');
  const header = hex(`${signature} 21 11 0013 c0000201 c6336402 d431 22b3 03 0004 00000000`);
  header.writeUInt32BE(crc32c(header), 31);
  assert.equal(decodeProxyHeader(header).kind, 'header');
  for (let index = 16; index < header.length; index++) {
    if (index >= 28 && index < 31) continue; // the TLV's own head: another type is another TLV
    const changed = Buffer.from(header);
    changed.writeUInt8(changed.readUInt8(index) ^ 0x01, index);
    assert.equal(decodeProxyHeader(changed).kind, 'invalid', `byte ${index}`);
  }
});

test('encodeProxyHeader writes the SSL TLV of section 2.2.6 byte for byte', () => {
  const source = { address: '192.0.2.1', port: 54321 };
  const destination = { address: '198.51.100.2', port: 8883 };
  const addresses = 'c0000201 c6336402 d431 22b3';
  assert.deepEqual(
    encodeProxyHeader({ source, destination, commonName: 'm-7', tlsVersion: 'TLSv1.3', certificateVerified: true }),
    hex(`${signature} 21 11 0024 ${addresses} 20 0015 07 00000000 21 0007 544c5376312e33 22 0003 6d2d37`),
  );
  assert.deepEqual(
    encodeProxyHeader({ source, destination, tlsVersion: 'TLSv1.2', certificateVerified: false }),
    hex(`${signature} 21 11 001e ${addresses} 20 000f 01 00000001 21 0007 544c5376312e32`),
  );
  assert.deepEqual(
    encodeProxyHeader({ source, destination, certificateVerified: false }),
    hex(`${signature} 21 11 000c ${addresses}`),
  );
});

test('encodeProxyHeader maps IPv4 into IPv6 where the other end is IPv6, and says UNSPEC for what is no IP', () => {
  const destination = { address: '2001:db8::2', port: 2 };
  const mixed = encodeProxyHeader({
    source: { address: '192.0.2.1', port: 1 },
    destination,
    certificateVerified: false,
  });
  assert.deepEqual(
    mixed,
    hex(`${signature} 21 21 0024 00000000000000000000ffffc0000201 20010db8000000000000000000000002 0001 0002`),
  );
  const unknown = encodeProxyHeader({ source: { address: '', port: 1 }, destination, certificateVerified: false });
  assert.deepEqual(unknown, hex(`${signature} 21 00 0000`));
});

test('encodeProxyHeader leaves out a common name that would outgrow the receivers bound', () => {
  const source = { address: '192.0.2.1', port: 1 };
  const connection = { source, destination: source, tlsVersion: 'TLSv1.3', certificateVerified: true };
  const header = encodeProxyHeader({ ...connection, commonName: 'é'.repeat(513) });
  assert.equal(header.length, encodeProxyHeader(connection).length);
});

const addressArbitrary = fc.record(
  {
    address: fc.oneof(fc.ipV4(), fc.ipV6().filter(isCanonical)),
    port: fc.integer({ min: 0, max: 65_535 }),
  },
  { noNullPrototype: true },
);
const connectionArbitrary = fc.record(
  {
    source: addressArbitrary,
    destination: addressArbitrary,
    commonName: fc.string({ unit: 'grapheme', maxLength: 80 }),
    tlsVersion: fc.constantFrom('TLSv1.2', 'TLSv1.3'),
    certificateVerified: fc.boolean(),
  },
  { requiredKeys: ['source', 'destination', 'certificateVerified'], noNullPrototype: true },
);

test('decodeProxyHeader gives back what encodeProxyHeader wrote, and every prefix is incomplete', () => {
  fc.assert(
    fc.property(connectionArbitrary, (connection) => {
      const header = encodeProxyHeader(connection);
      const { source, destination } = connection;
      assert.deepEqual(decodeProxyHeader(header), { kind: 'header', byteLength: header.length, source, destination });
      for (let length = 0; length < header.length; length++) {
        assert.deepEqual(decodeProxyHeader(header.subarray(0, length)), { kind: 'incomplete' });
      }
    }),
  );
});

test('decodeProxyHeader never throws and never reads beyond the header', () => {
  const flips = fc.array(fc.tuple(fc.nat(200), fc.integer({ min: 0, max: 255 })), { maxLength: 4 });
  fc.assert(
    fc.property(connectionArbitrary, flips, fc.uint8Array({ maxLength: 32 }), (connection, changes, tail) => {
      const bytes = Buffer.concat([encodeProxyHeader(connection), tail]);
      for (const [index, value] of changes) bytes.writeUInt8(value, index % bytes.length);
      const decoding = decodeProxyHeader(bytes);
      if (decoding.kind === 'header') assert.ok(decoding.byteLength <= bytes.length);
    }),
  );
});

/** Addresses as they are written back: not mapped, and the text that the URL parser also chooses. */
function isCanonical(address: string): boolean {
  return (
    !address.includes('.') && new URL(`http://[${address}]`).hostname === `[${address}]` && !/^::ffff:/.test(address)
  );
}

/** Bit by bit, as RFC 4960 appendix B describes it. */
function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}
