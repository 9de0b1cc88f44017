import { renderRcode, renderType } from '../../../src/dns/record-type.ts';
import { readName, renderName } from '../../../src/dns/wire-name.ts';
import { type ReadAnswer, type ReadRecord, readAnswer } from '../../dns/answer-reading.ts';
import type { Reply } from './wire-asker.ts';

const headerOctets = 12;

/** Where names lie in the rdata of types that RFC 1035 lets a server compress. */
const namesOfType: Readonly<Record<string, { readonly before: number; readonly names: number }>> = {
  NS: { before: 0, names: 1 },
  CNAME: { before: 0, names: 1 },
  PTR: { before: 0, names: 1 },
  MX: { before: 2, names: 1 },
  SOA: { before: 0, names: 2 },
};

/**
 * A reply as lines that can be compared: header, question, a line for each record, EDNS. Records of a set are sorted;
 * sets stay in their order, which is a chain's, but in the additional section, where it means nothing. The server's half
 * of a cookie becomes its length: it is the server's own.
 */
export function describeReply({ message, isClosed }: Reply): readonly string[] {
  const closing = isClosed ? ['connection closed'] : [];
  if (message === undefined) return ['silence', ...closing];
  let answer: ReadAnswer;
  try {
    answer = readAnswer(message);
  } catch {
    return [`header ${message.subarray(2, 12).toString('hex')}, ${message.length} octets`, ...closing];
  }
  return [
    `opcode ${answer.opcode} ${renderRcode(answer.rcode)} ${answer.flags}`,
    `question ${answer.question.toString('latin1')}`,
    ...section('answer', answer.answers, answer.question, message),
    ...section('authority', answer.authorities, answer.question, message),
    ...section('additional', answer.additionals, answer.question, message).sort(),
    ...edns(answer),
    ...closing,
  ];
}

function section(name: string, records: readonly ReadRecord[], question: Buffer, message: Buffer): string[] {
  const sets = new Map<string, string[]>();
  for (const record of records) {
    const type = renderType(record.type);
    const set = `${record.owner} ${type}`;
    // Both lie in the same copy of the message, the question behind the header.
    const rdataAt = record.rdata.byteOffset - question.byteOffset + headerOctets;
    const line = `${name} ${record.owner} ${record.ttl} ${record.class} ${type} ${rdataText(record, type, rdataAt, message)}`;
    sets.set(set, [...(sets.get(set) ?? []), line]);
  }
  return [...sets.values()].flatMap((lines) => lines.sort());
}

function rdataText({ rdata }: ReadRecord, type: string, rdataAt: number, message: Buffer): string {
  const layout = namesOfType[type];
  if (layout === undefined) return rdata.toString('hex');
  const parts = [message.subarray(rdataAt, rdataAt + layout.before).toString('hex')];
  let at = rdataAt + layout.before;
  for (let count = 0; count < layout.names; count += 1) {
    const read = readName(message, at);
    if (read === undefined) throw new Error(`no name in ${type} at ${at}`);
    parts.push(renderName(read.name));
    at = read.next;
  }
  return [...parts, message.subarray(at, rdataAt + rdata.length).toString('hex')]
    .filter((part) => part !== '')
    .join(' ');
}

function edns({ opt }: ReadAnswer): string[] {
  if (opt === undefined) return [];
  const { payload, version, flags, options } = opt;
  const lines = Object.entries(options).map(([code, data]) => `option ${code} ${code === '10' ? cookie(data) : data}`);
  return [`opt version ${version} payload ${payload} flags ${flags.toString(16)}`, ...lines.sort()];
}

function cookie(data: string): string {
  return `${data.slice(0, 16)} and ${data.length / 2 - 8} octets of the server`;
}
