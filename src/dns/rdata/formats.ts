import { recordType } from '../record-type.ts';
import { ipv4, ipv6 } from './addresses.ts';
import { base64, hexadecimal } from './binary.ts';
import { characterString, characterStrings, propertyTag, remainingText } from './character-strings.ts';
import type { Field } from './field.ts';
import { algorithm, interval, signatureTime, typeCovered, unsigned } from './integers.ts';
import { domainName } from './names.ts';
import { serviceParameters } from './service-parameters.ts';
import { typeBitmap } from './type-bitmap.ts';

/** The fields of a type's rdata in their order; undefined for types that are known by RFC 3597 only. */
export function rdataFields(type: number): readonly Field[] | undefined {
  return fieldsByType.get(type);
}

const name = [domainName];
const text = [characterStrings];
const preference = unsigned(2, 'a preference');
const delegationSigner = [
  unsigned(2, 'a key tag'),
  algorithm,
  unsigned(1, 'a digest type'),
  hexadecimal('a digest'),
] as const;
const publicKey = [unsigned(2, 'flags'), unsigned(1, 'a protocol'), algorithm, base64('a public key')] as const;
const association = [
  unsigned(1, 'a certificate usage'),
  unsigned(1, 'a selector'),
  unsigned(1, 'a matching type'),
  hexadecimal('association data'),
] as const;
const service = [unsigned(2, 'a priority'), domainName, serviceParameters] as const;

const fieldsByType: ReadonlyMap<number, readonly Field[]> = new Map<number, readonly Field[]>([
  [recordType.A, [ipv4]],
  [recordType.AAAA, [ipv6]],
  [recordType.NS, name],
  [recordType.MD, name],
  [recordType.MF, name],
  [recordType.CNAME, name],
  [recordType.MB, name],
  [recordType.MG, name],
  [recordType.MR, name],
  [recordType.PTR, name],
  [recordType.DNAME, name],
  [recordType.MINFO, [domainName, domainName]],
  [recordType.RP, [domainName, domainName]],
  [
    recordType.SOA,
    [
      domainName,
      domainName,
      unsigned(4, 'a serial'),
      interval('the refresh interval'),
      interval('the retry interval'),
      interval('the expire interval'),
      interval('the negative TTL'),
    ],
  ],
  [recordType.MX, [preference, domainName]],
  [recordType.AFSDB, [unsigned(2, 'a subtype'), domainName]],
  [recordType.RT, [preference, domainName]],
  [recordType.KX, [preference, domainName]],
  [recordType.SRV, [unsigned(2, 'a priority'), unsigned(2, 'a weight'), unsigned(2, 'a port'), domainName]],
  [
    recordType.NAPTR,
    [
      unsigned(2, 'an order'),
      preference,
      characterString('flags'),
      characterString('services'),
      characterString('a regular expression'),
      domainName,
    ],
  ],
  [recordType.TXT, text],
  [recordType.SPF, text],
  [recordType.HINFO, [characterString('a CPU'), characterString('an operating system')]],
  [recordType.CAA, [unsigned(1, 'flags'), propertyTag, remainingText('a value')]],
  [recordType.URI, [unsigned(2, 'a priority'), unsigned(2, 'a weight'), remainingText('a target')]],
  [recordType.SVCB, service],
  [recordType.HTTPS, service],
  [recordType.DS, delegationSigner],
  [recordType.CDS, delegationSigner],
  [recordType.DNSKEY, publicKey],
  [recordType.CDNSKEY, publicKey],
  [
    recordType.RRSIG,
    [
      typeCovered,
      algorithm,
      unsigned(1, 'labels'),
      interval('the original TTL'),
      signatureTime,
      signatureTime,
      unsigned(2, 'a key tag'),
      domainName,
      base64('a signature'),
    ],
  ],
  [recordType.NSEC, [domainName, typeBitmap]],
  [recordType.CSYNC, [unsigned(4, 'a serial'), unsigned(2, 'flags'), typeBitmap]],
  [
    recordType.ZONEMD,
    [unsigned(4, 'a serial'), unsigned(1, 'a scheme'), unsigned(1, 'a hash algorithm'), hexadecimal('a digest')],
  ],
  [recordType.TLSA, association],
  [recordType.SMIMEA, association],
  [recordType.SSHFP, [unsigned(1, 'a key algorithm'), unsigned(1, 'a fingerprint type'), hexadecimal('a fingerprint')]],
  [recordType.OPENPGPKEY, [base64('a key')]],
  [recordType.DHCID, [base64('an identifier')]],
]);
