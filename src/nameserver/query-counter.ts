import { recordType, renderRcode, renderType } from '../dns/record-type.ts';

/** Adds to `crossfade_dns_queries_total`. */
export type AddQueries = (labels: { readonly qtype: string; readonly rcode: string }, count: number) => void;

/** Types with a label of their own; anybody can ask for any of 65 536. */
const labelledTypes: ReadonlySet<number> = new Set([
  recordType.A,
  recordType.NS,
  recordType.CNAME,
  recordType.SOA,
  recordType.PTR,
  recordType.HINFO,
  recordType.MX,
  recordType.TXT,
  recordType.AAAA,
  recordType.SRV,
  recordType.NAPTR,
  recordType.DNAME,
  recordType.DS,
  recordType.RRSIG,
  recordType.NSEC,
  recordType.DNSKEY,
  recordType.TLSA,
  recordType.CDS,
  recordType.CDNSKEY,
  recordType.SVCB,
  recordType.HTTPS,
  recordType.ANY,
  recordType.AXFR,
  recordType.IXFR,
  recordType.CAA,
]);

/** Counts queries where a counter with labels would cost more than the answer; it gets the sums when somebody looks. */
export class QueryCounter {
  readonly #counts = new Map<number, number>();
  readonly #add: AddQueries;

  constructor(add: AddQueries) {
    this.#add = add;
  }

  /** `rcode` undefined: the query got no answer. */
  count(type: number, rcode: number | undefined): void {
    const labelled = labelledTypes.has(type) ? type : 0;
    const key = labelled * 65_536 + (rcode ?? 65_535);
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  flush(): void {
    for (const [key, count] of this.#counts) {
      const [type, code] = [Math.floor(key / 65_536), key % 65_536];
      const rcode = code === 65_535 ? 'none' : renderRcode(code);
      this.#add({ qtype: type === 0 ? 'other' : renderType(type), rcode }, count);
    }
    this.#counts.clear();
  }
}
