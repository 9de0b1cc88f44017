/** IANA DNS parameters: resource record types by mnemonic. */
export const recordType = {
  A: 1,
  NS: 2,
  MD: 3,
  MF: 4,
  CNAME: 5,
  SOA: 6,
  MB: 7,
  MG: 8,
  MR: 9,
  NULL: 10,
  WKS: 11,
  PTR: 12,
  HINFO: 13,
  MINFO: 14,
  MX: 15,
  TXT: 16,
  RP: 17,
  AFSDB: 18,
  X25: 19,
  ISDN: 20,
  RT: 21,
  SIG: 24,
  KEY: 25,
  PX: 26,
  AAAA: 28,
  LOC: 29,
  SRV: 33,
  NAPTR: 35,
  KX: 36,
  CERT: 37,
  DNAME: 39,
  OPT: 41,
  APL: 42,
  DS: 43,
  SSHFP: 44,
  IPSECKEY: 45,
  RRSIG: 46,
  NSEC: 47,
  DNSKEY: 48,
  DHCID: 49,
  NSEC3: 50,
  NSEC3PARAM: 51,
  TLSA: 52,
  SMIMEA: 53,
  HIP: 55,
  CDS: 59,
  CDNSKEY: 60,
  OPENPGPKEY: 61,
  CSYNC: 62,
  ZONEMD: 63,
  SVCB: 64,
  HTTPS: 65,
  SPF: 99,
  NID: 104,
  L32: 105,
  L64: 106,
  LP: 107,
  EUI48: 108,
  EUI64: 109,
  /** RFC 9824 section 3.1: in the type bitmap of a compact denial, "this name does not exist". */
  NXNAME: 128,
  TKEY: 249,
  TSIG: 250,
  IXFR: 251,
  AXFR: 252,
  MAILB: 253,
  MAILA: 254,
  ANY: 255,
  URI: 256,
  CAA: 257,
} as const;

export const recordClass = { IN: 1, CH: 3, HS: 4, NONE: 254, ANY: 255 } as const;

export const opcode = { QUERY: 0, IQUERY: 1, STATUS: 2, NOTIFY: 4, UPDATE: 5, DSO: 6 } as const;

/** Above 15 the upper bits lie in the OPT record (RFC 6891 section 6.1.3). */
export const rcode = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  YXDOMAIN: 6,
  YXRRSET: 7,
  NXRRSET: 8,
  NOTAUTH: 9,
  NOTZONE: 10,
  BADVERS: 16,
  BADKEY: 17,
  BADTIME: 18,
  BADCOOKIE: 23,
} as const;

const mnemonicByType = mnemonicsOf(recordType);
const mnemonicByClass = mnemonicsOf(recordClass);
const mnemonicByRcode = mnemonicsOf(rcode);
const typeByMnemonic: ReadonlyMap<string, number> = new Map(Object.entries(recordType));
const classByMnemonic: ReadonlyMap<string, number> = new Map(Object.entries(recordClass));

/** The mnemonic, or `TYPE65280` (RFC 3597 section 5). */
export function renderType(type: number): string {
  return mnemonicByType.get(type) ?? `TYPE${type}`;
}

/** A mnemonic in any case, or `TYPEnnn`; undefined when it is neither. */
export function parseType(text: string): number | undefined {
  return typeByMnemonic.get(text.toUpperCase()) ?? numberAfter('TYPE', text);
}

/** The mnemonic, or `CLASS256` (RFC 3597 section 5). */
export function renderClass(value: number): string {
  return mnemonicByClass.get(value) ?? `CLASS${value}`;
}

/** A mnemonic in any case, or `CLASSnnn`; undefined when it is neither. */
export function parseClass(text: string): number | undefined {
  return classByMnemonic.get(text.toUpperCase()) ?? numberAfter('CLASS', text);
}

/** The mnemonic, or `RCODE11`. */
export function renderRcode(code: number): string {
  return mnemonicByRcode.get(code) ?? `RCODE${code}`;
}

/** Types that are asked for or carried beside data, and are never data of a zone (RFC 6895 section 3.1). */
export function isMetaType(type: number): boolean {
  return type === 0 || type === recordType.OPT || (type >= 128 && type <= 255);
}

function mnemonicsOf(table: Readonly<Record<string, number>>): ReadonlyMap<number, string> {
  return new Map(Object.entries(table).map(([mnemonic, value]) => [value, mnemonic]));
}

function numberAfter(prefix: string, text: string): number | undefined {
  if (!text.toUpperCase().startsWith(prefix)) return undefined;
  const digits = text.slice(prefix.length);
  return /^\d{1,5}$/.test(digits) && Number(digits) <= 0xffff ? Number(digits) : undefined;
}
