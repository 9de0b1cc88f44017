import type { AddressOctets } from '../plan/subnet-key.ts';

export type Transport = 'udp' | 'tcp';

/**
 * What the sockets know of answering: the bytes of a message in, those of its answer out; undefined is silence. Time is
 * on the monotonic clock, in milliseconds. The answer's bytes may be used again at the next call.
 */
export type AnswerMessage = (
  message: Uint8Array,
  asker: AddressOctets,
  transport: Transport,
  nowMs: number,
) => Uint8Array | undefined;
