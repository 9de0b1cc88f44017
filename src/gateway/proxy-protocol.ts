import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** One end of a TCP connection; an IPv4-mapped IPv6 address is its IPv4 address. */
export interface ProxyAddress {
  readonly address: string;
  /** 0 to 65535. */
  readonly port: number;
}

/** `incomplete`: nothing wrong so far, more bytes are needed. `byteLength`: where the proxied bytes begin. */
export type ProxyHeaderDecoding =
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'invalid'; readonly message: string }
  | {
      readonly kind: 'header';
      readonly byteLength: number;
      /** Absent for LOCAL (a health check of the balancer) and for families without IP and TCP. */
      readonly source?: ProxyAddress;
      readonly destination?: ProxyAddress;
    };

/** What a broker is told about a device. */
export interface ProxiedConnection {
  readonly source: ProxyAddress;
  readonly destination: ProxyAddress;
  /** Of the device's certificate; left out beyond 1024 bytes of UTF-8. */
  readonly commonName?: string;
  /** `TLSv1.3` and the like; absent for a device on a plain listener, and then nothing is said about TLS. */
  readonly tlsVersion?: string;
  readonly certificateVerified: boolean;
}

/**
 * Reads a PROXY protocol v2 header (proxy-protocol.txt section 2.2) from the first bytes of a connection.
 * Anything that cannot become a header is invalid at its first wrong byte, and more than 4112 bytes are never asked for.
 */
export function decodeProxyHeader(buffer: Uint8Array): ProxyHeaderDecoding {
  const bytes = Buffer.from(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  const fault = prefixFault(bytes);
  if (fault !== undefined) return { kind: 'invalid', message: fault };
  if (bytes.length < fixedBytes) return { kind: 'incomplete' };
  const byteLength = fixedBytes + bytes.readUInt16BE(14);
  if (bytes.length < byteLength) return { kind: 'incomplete' };
  const header = bytes.subarray(0, byteLength);
  // "the receiver must ... discard the protocol block including the family which is ignored" (section 2.2, LOCAL)
  if ((header.readUInt8(12) & 0x0f) === command.local) return { kind: 'header', byteLength };
  const tlvFault = tlvsFault(header, fixedBytes + addressBytes(header.readUInt8(13)));
  if (tlvFault !== undefined) return { kind: 'invalid', message: tlvFault };
  return { kind: 'header', byteLength, ...decodeAddresses(header) };
}

/**
 * The header that goes before the first byte to a broker: both addresses, in one family (IPv4 is mapped into IPv6 where
 * the other end is IPv6), and for a TLS device PP2_TYPE_SSL (section 2.2.6). An address that is no IP gives UNSPEC.
 */
export function encodeProxyHeader(connection: ProxiedConnection): Buffer {
  const { family, addresses } = encodeAddresses(connection.source, connection.destination);
  const tlvs = connection.tlsVersion === undefined ? empty : encodeTlsTlv(connection, connection.tlsVersion);
  const fixed = Buffer.alloc(fixedBytes);
  signature.copy(fixed);
  fixed.writeUInt8(version2 | command.proxy, 12);
  fixed.writeUInt8(family, 13);
  fixed.writeUInt16BE(addresses.length + tlvs.length, 14);
  return Buffer.concat([fixed, addresses, tlvs]);
}

// Section 2.2: signature, version and command, family and transport, length.
const signature = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
const fixedBytes = 16;
const maxBodyBytes = 4_096;
const version2 = 0x20;
const command = { local: 0x0, proxy: 0x1 } as const;
const family = { unspec: 0x00, tcp4: 0x11, udp4: 0x12, tcp6: 0x21, udp6: 0x22, unixStream: 0x31, unixDgram: 0x32 };
const familyBytes = new Map<number, number>([
  [family.unspec, 0],
  [family.tcp4, 12],
  [family.udp4, 12],
  [family.tcp6, 36],
  [family.udp6, 36],
  [family.unixStream, 216],
  [family.unixDgram, 216],
]);

// Sections 2.2.3 and 2.2.6.
const tlvType = { crc32c: 0x03, ssl: 0x20, sslVersion: 0x21, sslCommonName: 0x22 } as const;
const sslClient = { ssl: 0x01, certificateInConnection: 0x02, certificateInSession: 0x04 } as const;
const maxCommonNameBytes = 1_024;
const empty = Buffer.alloc(0);

/** The first thing wrong with as much of the fixed part as is there. */
function prefixFault(bytes: Buffer): string | undefined {
  const seen = Math.min(bytes.length, signature.length);
  if (bytes.compare(signature, 0, seen, 0, seen) !== 0) {
    return `expected the PROXY v2 signature, got ${bytes.toString('hex', 0, Math.min(bytes.length, 16))}`;
  }
  if (bytes.length > 12) {
    const versionAndCommand = bytes.readUInt8(12);
    if (versionAndCommand >> 4 !== version2 >> 4) return `expected PROXY version 2, got ${versionAndCommand >> 4}`;
    const got = versionAndCommand & 0x0f;
    if (got > command.proxy) return `expected the PROXY command LOCAL (0) or PROXY (1), got ${got}`;
    if (got === command.local) return bytes.length >= fixedBytes ? lengthFault(bytes, 0) : undefined;
  }
  if (bytes.length > 13 && !familyBytes.has(bytes.readUInt8(13))) {
    return `expected a PROXY v2 address family, got 0x${bytes.toString('hex', 13, 14)}`;
  }
  return bytes.length >= fixedBytes ? lengthFault(bytes, addressBytes(bytes.readUInt8(13))) : undefined;
}

function lengthFault(bytes: Buffer, least: number): string | undefined {
  const length = bytes.readUInt16BE(14);
  if (length > maxBodyBytes) return `expected a PROXY v2 header of at most ${maxBodyBytes} bytes, got ${length}`;
  return length < least ? `expected at least ${least} bytes of PROXY v2 addresses, got ${length}` : undefined;
}

function addressBytes(familyAndTransport: number): number {
  return familyBytes.get(familyAndTransport) ?? 0;
}

/** Valid combinations that are not TCP over IP fall back to UNSPEC, as section 2.2 lets a receiver do. */
function decodeAddresses(header: Buffer): { readonly source?: ProxyAddress; readonly destination?: ProxyAddress } {
  const familyAndTransport = header.readUInt8(13);
  if (familyAndTransport !== family.tcp4 && familyAndTransport !== family.tcp6) return {};
  const width = familyAndTransport === family.tcp4 ? 4 : 16;
  const ports = fixedBytes + 2 * width;
  return {
    source: { address: renderAddress(header, fixedBytes, width), port: header.readUInt16BE(ports) },
    destination: { address: renderAddress(header, fixedBytes + width, width), port: header.readUInt16BE(ports + 2) },
  };
}

function renderAddress(header: Buffer, offset: number, width: number): string {
  const address = ipaddr.fromByteArray([...header.subarray(offset, offset + width)]);
  return ipaddr.process(address.toString()).toString();
}

/** Walks the TLVs to the end (section 2.2: type, length, value) and verifies a checksum where there is one. */
function tlvsFault(header: Buffer, start: number): string | undefined {
  let offset = start;
  while (offset < header.length) {
    const valueOffset = offset + 3;
    const end = valueOffset <= header.length ? valueOffset + header.readUInt16BE(offset + 1) : Infinity;
    if (end > header.length)
      return 'expected the PROXY v2 TLVs to end with the header, got a TLV that reaches beyond it';
    if (header.readUInt8(offset) === tlvType.crc32c) {
      const fault = checksumFault(header, valueOffset, end);
      if (fault !== undefined) return fault;
    }
    offset = end;
  }
  return undefined;
}

/** Section 2.2.3: CRC32c of the whole header with the checksum's own four bytes taken as zero. */
function checksumFault(header: Buffer, start: number, end: number): string | undefined {
  if (end - start !== 4) return `expected a PROXY v2 checksum of 4 bytes, got ${end - start}`;
  const sent = header.readUInt32BE(start);
  let crc = 0xffffffff;
  for (const [index, byte] of header.entries()) {
    const value = index >= start && index < end ? 0 : byte;
    crc = (crc >>> 8) ^ (crc32cTable[(crc ^ value) & 0xff] ?? 0);
  }
  return (crc ^ 0xffffffff) >>> 0 === sent
    ? undefined
    : 'expected a PROXY v2 header that matches its CRC32c, got another';
}

/** RFC 4960 appendix B: the Castagnoli polynomial, reflected. */
const crc32cTable = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value;
});

function encodeAddresses(source: ProxyAddress, destination: ProxyAddress): { family: number; addresses: Buffer } {
  if (isIP(source.address) === 0 || isIP(destination.address) === 0) return { family: family.unspec, addresses: empty };
  const from = ipaddr.process(source.address);
  const to = ipaddr.process(destination.address);
  const isTcp4 = from.kind() === 'ipv4' && to.kind() === 'ipv4';
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(source.port, 0);
  ports.writeUInt16BE(destination.port, 2);
  const octets = [from, to].flatMap((address) => (isTcp4 ? address : toIpv6(address)).toByteArray());
  return { family: isTcp4 ? family.tcp4 : family.tcp6, addresses: Buffer.concat([Buffer.from(octets), ports]) };
}

function toIpv6(address: ipaddr.IPv4 | ipaddr.IPv6): ipaddr.IPv6 {
  return address instanceof ipaddr.IPv4 ? address.toIPv4MappedAddress() : address;
}

/**
 * Section 2.2.6. Both certificate bits are set: the gateway judges the device's certificate anew on a resumed session.
 * `verify` is zero only for a certificate that was presented and verified.
 */
function encodeTlsTlv(connection: ProxiedConnection, tlsVersion: string): Buffer {
  const commonName = Buffer.from(connection.commonName ?? '');
  const hasCertificate = connection.certificateVerified || commonName.length > 0;
  const certificateBits = hasCertificate ? sslClient.certificateInConnection | sslClient.certificateInSession : 0;
  const fixed = Buffer.alloc(5);
  fixed.writeUInt8(sslClient.ssl | certificateBits, 0);
  fixed.writeUInt32BE(connection.certificateVerified ? 0 : 1, 1);
  const parts = [fixed, encodeTlv(tlvType.sslVersion, Buffer.from(tlsVersion, 'ascii'))];
  if (commonName.length > 0 && commonName.length <= maxCommonNameBytes) {
    parts.push(encodeTlv(tlvType.sslCommonName, commonName));
  }
  return encodeTlv(tlvType.ssl, Buffer.concat(parts));
}

function encodeTlv(type: number, value: Buffer): Buffer {
  const head = Buffer.alloc(3);
  head.writeUInt8(type, 0);
  head.writeUInt16BE(value.length, 1);
  return Buffer.concat([head, value]);
}
