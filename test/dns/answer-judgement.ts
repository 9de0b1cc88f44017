import { createServerCookies } from '../../src/dns/cookie.ts';
import type { Asker } from '../../src/dns/query-verdict.ts';
import { createResponder } from '../../src/dns/responder.ts';
import { readAnswer } from './answer-reading.ts';
import { createMutation } from './message-mutation.ts';
import { createSmallSource } from './small-source.ts';

/** What is wrong with an answer, or with there being none, whatever was asked; undefined: nothing. */
export function answerProblem(message: Uint8Array, asker: Asker, answer: Uint8Array | undefined): string | undefined {
  const isQuery = message.length >= 12 && ((message[2] ?? 0) & 0x80) === 0;
  if (answer === undefined) return isQuery ? 'silence for a query' : undefined;
  if (!isQuery) return 'an answer to what is no query';
  const limit = asker.transport === 'tcp' ? 65_535 : 1_232;
  if (answer.length > limit) return `${answer.length} octets`;
  const flags = ((answer[2] ?? 0) << 8) | (answer[3] ?? 0);
  const asked = ((message[2] ?? 0) << 8) | (message[3] ?? 0);
  if (answer[0] !== message[0] || answer[1] !== message[1]) return 'another ID';
  if ((flags & 0x8000) === 0) return 'no response';
  if (((flags ^ asked) & 0x7900) !== 0) return 'another opcode or RD';
  if ((flags & 0x00f0) !== 0) return 'RA, Z, AD or CD';
  try {
    const { question, opt } = readAnswer(answer);
    if (!question.equals(Buffer.from(message.subarray(12, 12 + question.length)))) return 'another question';
    if (opt === undefined && asker.transport === 'udp' && answer.length > 512)
      return 'more than 512 octets without EDNS';
    if (opt !== undefined && ((opt.flags & 0x7fff) !== 0 || opt.version !== 0)) return 'another OPT';
  } catch (error) {
    return String(error);
  }
  return undefined;
}

const udp: Asker = { address: Buffer.of(198, 51, 100, 7), transport: 'udp' };
const askers: readonly Asker[] = [
  udp,
  { address: Buffer.of(0x20, 1, 0xd, 0xb8, ...Buffer.alloc(12)), transport: 'udp' },
  { ...udp, transport: 'tcp' },
];

/** Asks `count` mutated messages; returns the first that is answered wrongly, in hex, and what is wrong. */
export type Exploration = (seed: number, count: number) => string | undefined;

/** One responder that everything is asked of, with few images so that they come and go. */
export function createExploration(): Exploration {
  const source = createSmallSource();
  const respond = createResponder({
    images: 1_000,
    cookies: createServerCookies([Buffer.alloc(16, 3)]),
    nsid: Buffer.from('explorer'),
    onFault: (fault) => {
      throw fault;
    },
  });
  return (seed, count) => {
    const next = createMutation(seed);
    for (let index = 0; index < count; index += 1) {
      const message = next();
      const asker = askers[index % askers.length] ?? udp;
      source.resolved.length = 0;
      const problem = answerProblem(message, asker, respond(message, asker, 1_700_000_000_000 + index, source));
      if (problem !== undefined) return `${problem}: ${message.toString('hex')} over ${asker.transport}`;
    }
    return undefined;
  };
}
