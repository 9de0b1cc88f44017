import { rdataFields } from './rdata/formats.ts';
import { domainName, uncompressedName } from './rdata/names.ts';
import { recordType } from './record-type.ts';
import { lowerName } from './wire-name.ts';

/** RFC 4034 section 6.2, without NSEC and RRSIG as RFC 6840 section 5.1 has it: types whose names are signed in lower case. */
const typesWithLoweredNames: ReadonlySet<number> = new Set([
  recordType.NS,
  recordType.MD,
  recordType.MF,
  recordType.CNAME,
  recordType.SOA,
  recordType.MB,
  recordType.MG,
  recordType.MR,
  recordType.PTR,
  recordType.MINFO,
  recordType.MX,
  recordType.RP,
  recordType.AFSDB,
  recordType.RT,
  recordType.NAPTR,
  recordType.KX,
  recordType.SRV,
  recordType.DNAME,
]);

/** The data of a set as it is signed: names in lower case, in canonical order, each once (RFC 4034 section 6.3). */
export function canonicalRdatas(type: number, rdatas: readonly Uint8Array[]): readonly Uint8Array[] {
  if (rdatas.length === 1 && !typesWithLoweredNames.has(type)) return rdatas;
  const lowered = typesWithLoweredNames.has(type) ? rdatas.map((rdata) => lowerNames(type, rdata)) : [...rdatas];
  return lowered
    .sort(Buffer.compare)
    .filter((rdata, index, all) => index === 0 || Buffer.compare(rdata, all[index - 1] ?? rdata) !== 0);
}

function lowerNames(type: number, rdata: Uint8Array): Uint8Array {
  const lowered = Uint8Array.from(rdata);
  let at = 0;
  for (const field of rdataFields(type) ?? []) {
    const name = field === domainName ? uncompressedName(rdata, at) : undefined;
    if (name !== undefined) lowered.set(lowerName(name), at);
    at = name === undefined ? (field.render(rdata, at)?.next ?? rdata.length) : at + name.length;
  }
  return lowered;
}
