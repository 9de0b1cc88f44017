import { recordType, renderRcode, renderType } from '../dns/record-type.ts';
import type { MessageFate } from '../dns/responder.ts';

/** Adds to `crossfade_dns_queries_total`. */
export type AddQueries = (labels: { readonly qtype: string; readonly rcode: string }, count: number) => void;

/** Adds to `crossfade_dns_messages_total`. */
export type AddResults = (result: QueryResult, count: number) => void;

/** What became of a query. */
export type QueryResult = Exclude<MessageFate, 'ignored'>;

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
  readonly #results: Record<QueryResult, number> = { answered: 0, truncated: 0, slipped: 0, dropped: 0 };
  readonly #add: AddQueries;
  readonly #addResults: AddResults;

  constructor(add: AddQueries, addResults: AddResults) {
    this.#add = add;
    this.#addResults = addResults;
  }

  /** A query that was dropped counts without its rcode. */
  count(type: number, code: number, result: QueryResult): void {
    this.#results[result] += 1;
    const rcode = result === 'dropped' ? undefined : code;
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
    for (const result of ['answered', 'truncated', 'slipped', 'dropped'] as const) {
      this.#addResults(result, this.#results[result]);
      this.#results[result] = 0;
    }
  }
}
