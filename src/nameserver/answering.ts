import type { DnsTransport } from '../dns/query-verdict.ts';
import type { AddressOctets } from '../plan/subnet-key.ts';

/**
 * What the sockets know of answering: the bytes of a message in, those of its answer out; undefined is silence. The
 * answer is a buffer of its own.
 */
export type AnswerMessage = (
  message: Uint8Array,
  asker: AddressOctets,
  transport: DnsTransport,
) => Uint8Array | undefined;
