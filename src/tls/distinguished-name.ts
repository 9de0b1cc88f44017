import { DerError, DerReader, derTag, hexadecimal, latin1 } from './der-reader.ts';

/** What a subject says that a plan can look at: the attribute values in their order, as text. */
export interface NameAttributes {
  readonly commonNames: readonly string[];
  readonly organizationalUnits: readonly string[];
}

/** Reads a DER distinguished name; no text form is in between, so no escape can deceive. */
export function readNameAttributes(name: Uint8Array): NameAttributes {
  const commonNames: string[] = [];
  const organizationalUnits: string[] = [];
  forEachAttribute(name, (attribute) => {
    const values = attribute.contentIs(commonName)
      ? commonNames
      : attribute.contentIs(organizationalUnit)
        ? organizationalUnits
        : undefined;
    values?.push(readDirectoryString(attribute));
  });
  return { commonNames, organizationalUnits };
}

/** Every attribute of a name in its order: the type's DER as lower-case hexadecimal, the value as text. */
export function listNameAttributes(name: Uint8Array): { readonly type: string; readonly value: string }[] {
  const attributes: { readonly type: string; readonly value: string }[] = [];
  forEachAttribute(name, (attribute) => {
    const type = hexadecimal(attribute.content());
    attributes.push({ type, value: readDirectoryString(attribute) });
  });
  return attributes;
}

/**
 * A name for comparing: case, repeated space and the string's encoding do not count (RFC 5280 §7.1, as OpenSSL
 * compares), so that a fleet whose certificates spell their issuer in another string type still finds its CA.
 */
export function canonicalName(name: Uint8Array): string {
  const parts: string[] = [];
  forEachAttribute(name, (attribute) => {
    const type = hexadecimal(attribute.content());
    parts.push(`${type}=${readDirectoryString(attribute).trim().replace(/\s+/g, ' ').toLowerCase()}`);
  });
  return JSON.stringify(parts);
}

const commonName = Uint8Array.of(0x55, 0x04, 0x03);
const organizationalUnit = Uint8Array.of(0x55, 0x04, 0x0b);

/** Calls `use` with a reader that stands on the attribute's type; its value is next. */
function forEachAttribute(name: Uint8Array, use: (attribute: DerReader) => void): void {
  const sets = new DerReader(name).next(derTag.sequence).inside();
  while (!sets.isAtEnd) {
    const set = sets.next(derTag.set).inside();
    while (!set.isAtEnd) use(set.next(derTag.sequence).inside().next(derTag.objectIdentifier));
  }
}

/** DirectoryString (RFC 5280 §4.1.2.4); the eight-bit kinds are read as Latin-1. */
function readDirectoryString(attribute: DerReader): string {
  const content = attribute.next().content();
  switch (attribute.tag) {
    case derTag.utf8String:
      return Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString('utf8');
    case derTag.bmpString:
      return readBmpString(content);
    case derTag.universalString:
      return readUniversalString(content);
    default:
      return latin1(content);
  }
}

function readBmpString(content: Uint8Array): string {
  if (content.length % 2 !== 0) throw new DerError('Expected an even number of octets in a BMPString');
  return Buffer.from(content).swap16().toString('utf16le');
}

function readUniversalString(content: Uint8Array): string {
  const bytes = Buffer.from(content);
  if (bytes.length % 4 !== 0) throw new DerError('Expected a multiple of four octets in a UniversalString');
  let text = '';
  for (let at = 0; at < bytes.length; at += 4) {
    const point = bytes.readUInt32BE(at);
    if (point > 0x10ffff) throw new DerError('Expected Unicode in a UniversalString');
    text += String.fromCodePoint(point);
  }
  return text;
}
