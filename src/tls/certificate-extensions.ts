import {
  bitString,
  booleanTrue,
  type DerNode,
  encodeDer,
  implicitTag,
  objectIdentifier,
  octetString,
  sequence,
  unsignedInteger,
} from './der-writing.ts';

export type ExtendedKeyUsage = 'clientAuth' | 'serverAuth';

export interface ExtensionValues {
  readonly isAuthority: boolean;
  readonly pathLength?: number;
  readonly subjectKeyIdentifier: Buffer;
  readonly authorityKeyIdentifier: Buffer;
  readonly extendedKeyUsage: readonly ExtendedKeyUsage[];
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  /** ASCII; absent: none. */
  readonly uris?: readonly string[];
}

/** The v3 extensions of a minted certificate (RFC 5280 §4.2.1). */
export function certificateExtensions(values: ExtensionValues): DerNode {
  const { isAuthority, extendedKeyUsage, dnsNames, ipAddresses, uris = [] } = values;
  const alternativeNames = [
    ...dnsNames.map((name) => implicitTag(2, Buffer.from(name, 'latin1'))),
    ...uris.map((uri) => implicitTag(6, Buffer.from(uri, 'latin1'))),
    ...ipAddresses.map((address) => implicitTag(7, Buffer.from(address.split('.').map(Number)))),
  ];
  return sequence(
    extension('2.5.29.19', basicConstraints(values), 'critical'),
    // keyCertSign and cRLSign for a CA, digitalSignature for everybody else
    extension('2.5.29.15', isAuthority ? bitString(Buffer.of(0x06), 1) : bitString(Buffer.of(0x80), 7), 'critical'),
    extension('2.5.29.14', octetString(values.subjectKeyIdentifier)),
    extension('2.5.29.35', sequence(implicitTag(0, values.authorityKeyIdentifier))),
    ...(extendedKeyUsage.length === 0
      ? []
      : [extension('2.5.29.37', sequence(...extendedKeyUsage.map((usage) => objectIdentifier(usageOids[usage]))))]),
    ...(alternativeNames.length === 0 ? [] : [extension('2.5.29.17', sequence(...alternativeNames))]),
  );
}

function basicConstraints({ isAuthority, pathLength }: ExtensionValues): DerNode {
  if (!isAuthority) return sequence();
  return sequence(booleanTrue(), ...(pathLength === undefined ? [] : [unsignedInteger(pathLength.toString(16))]));
}

export function extension(oid: string, value: DerNode, critical?: 'critical'): DerNode {
  return sequence(
    objectIdentifier(oid),
    ...(critical === undefined ? [] : [booleanTrue()]),
    octetString(encodeDer(value)),
  );
}

const usageOids: Readonly<Record<ExtendedKeyUsage, string>> = {
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
};
