import type { CertificateStructure } from '../../tls/certificate-structure.ts';
import { DerError, DerReader, derTag, latin1 } from '../../tls/der-reader.ts';
import { canonicalName } from '../../tls/distinguished-name.ts';

export interface AlternativeNames {
  readonly rfc822Names: readonly string[];
  readonly dnsNames: readonly string[];
  readonly directoryNames: readonly string[];
  readonly uris: readonly string[];
  readonly ipAddresses: readonly string[];
}

/**
 * A certificate's subject alternative names (RFC 5280 §4.2.1.6), those kinds that policies know. What is malformed ends
 * the list: it is read while a client's packets are judged, and must not stop them.
 */
export function readAlternativeNames(
  structure: Pick<CertificateStructure, 'der' | 'extensionsStart' | 'extensionsEnd'>,
): AlternativeNames {
  const names: Mutable = { rfc822Names: [], dnsNames: [], directoryNames: [], uris: [], ipAddresses: [] };
  try {
    readExtensions(structure, names);
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
  }
  return names;
}

function readExtensions(
  { der, extensionsStart, extensionsEnd }: Pick<CertificateStructure, 'der' | 'extensionsStart' | 'extensionsEnd'>,
  names: Mutable,
): void {
  const body = new DerReader(der, extensionsStart, extensionsEnd);
  while (!body.isAtEnd) {
    if (body.next().tag !== extensionsTag) continue;
    const list = body.inside().next(derTag.sequence).inside();
    while (!list.isAtEnd) {
      const extension = list.next(derTag.sequence).inside();
      const isWanted = extension.next(derTag.objectIdentifier).contentIs(subjectAlternativeName);
      extension.skipIf(derTag.boolean);
      if (isWanted) readNames(extension.next(derTag.octetString).inside().next(derTag.sequence).inside(), names);
    }
  }
}

type Mutable = { [Kind in keyof AlternativeNames]: string[] };

const extensionsTag = 0xa3;
const subjectAlternativeName = Uint8Array.of(0x55, 0x1d, 0x11);

function readNames(reader: DerReader, names: Mutable): void {
  while (!reader.isAtEnd) {
    const content = reader.next().content();
    if (reader.tag === 0x81) names.rfc822Names.push(latin1(content));
    else if (reader.tag === 0x82) names.dnsNames.push(latin1(content));
    else if (reader.tag === 0x86) names.uris.push(latin1(content));
    else if (reader.tag === 0x87) names.ipAddresses.push(addressText(content));
    else if (reader.tag === 0xa4) names.directoryNames.push(canonicalName(content));
  }
}

function addressText(octets: Uint8Array): string {
  if (octets.length === 4) return octets.join('.');
  const groups = Array.from({ length: octets.length / 2 }, (_, index) => {
    return (((octets[index * 2] ?? 0) << 8) | (octets[index * 2 + 1] ?? 0)).toString(16);
  });
  return groups.join(':');
}
