import forge from 'node-forge';

const { asn1 } = forge;

/** A DER value to be written; forge's tree, so that nothing here knows about lengths and tags. */
export type DerNode = forge.asn1.Asn1;

export function encodeDer(node: DerNode): Buffer {
  return Buffer.from(asn1.toDer(node).getBytes(), 'latin1');
}

/** DER that somebody else wrote (a name, a public key), to be embedded. */
export function embedded(der: Buffer): DerNode {
  return asn1.fromDer(der.toString('latin1'));
}

export function sequence(...items: readonly DerNode[]): DerNode {
  return universal(asn1.Type.SEQUENCE, true, [...items]);
}

export function setOf(...items: readonly DerNode[]): DerNode {
  return universal(asn1.Type.SET, true, [...items]);
}

export function objectIdentifier(dotted: string): DerNode {
  return universal(asn1.Type.OID, false, asn1.oidToDer(dotted).getBytes());
}

export function nullValue(): DerNode {
  return universal(asn1.Type.NULL, false, '');
}

export function booleanTrue(): DerNode {
  return universal(asn1.Type.BOOLEAN, false, '\xff');
}

/** An INTEGER of any size from unsigned hexadecimal digits. */
export function unsignedInteger(hex: string): DerNode {
  const digits = hex.replace(/^0+(?=.)/, '');
  const bytes = Buffer.from(digits.padStart(digits.length + (digits.length % 2), '0'), 'hex');
  const padded = (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes;
  return universal(asn1.Type.INTEGER, false, padded.toString('latin1'));
}

export function octetString(bytes: Buffer): DerNode {
  return universal(asn1.Type.OCTETSTRING, false, bytes.toString('latin1'));
}

export function bitString(bytes: Buffer, unusedBits = 0): DerNode {
  return universal(asn1.Type.BITSTRING, false, String.fromCharCode(unusedBits) + bytes.toString('latin1'));
}

export function utf8String(text: string): DerNode {
  return universal(asn1.Type.UTF8, false, Buffer.from(text, 'utf8').toString('latin1'));
}

/** UTCTime through 2049, GeneralizedTime after (RFC 5280 §4.1.2.5). */
export function time(date: Date): DerNode {
  return date.getUTCFullYear() < 2050
    ? universal(asn1.Type.UTCTIME, false, asn1.dateToUtcTime(date))
    : universal(asn1.Type.GENERALIZEDTIME, false, asn1.dateToGeneralizedTime(date));
}

/** `[number] EXPLICIT`: a constructed context tag around one value. */
export function explicitTag(number: number, item: DerNode): DerNode {
  return asn1.create(asn1.Class.CONTEXT_SPECIFIC, number, true, [item]);
}

/** `[number] IMPLICIT` of a primitive type. */
export function implicitTag(number: number, bytes: Buffer): DerNode {
  return asn1.create(asn1.Class.CONTEXT_SPECIFIC, number, false, bytes.toString('latin1'));
}

function universal(type: forge.asn1.Type, constructed: boolean, value: string | DerNode[]): DerNode {
  return asn1.create(asn1.Class.UNIVERSAL, type, constructed, value);
}
