import { readName, renderName } from '../../src/dns/wire-name.ts';

export interface ReadRecord {
  readonly owner: string;
  readonly type: number;
  readonly class: number;
  readonly ttl: number;
  readonly rdata: Buffer;
}

export interface ReadAnswer {
  readonly id: number;
  readonly opcode: number;
  /** All twelve bits, the upper ones from the OPT record. */
  readonly rcode: number;
  /** `qr aa tc rd ra z ad cd`, those that are set. */
  readonly flags: string;
  readonly question: Buffer;
  readonly answers: readonly ReadRecord[];
  readonly authorities: readonly ReadRecord[];
  /** Without the OPT record. */
  readonly additionals: readonly ReadRecord[];
  readonly opt: ReadOpt | undefined;
}

export interface ReadOpt {
  readonly payload: number;
  readonly version: number;
  readonly flags: number;
  /** Data in hex by option code. */
  readonly options: Readonly<Record<number, string>>;
}

const flagNames = ['qr', 'aa', 'tc', 'rd', 'ra', 'z', 'ad', 'cd'];
const flagBits = [15, 10, 9, 8, 7, 6, 5, 4];

/** Reads a well-formed answer; throws where it is none, trailing octets included. */
export function readAnswer(bytes: Uint8Array): ReadAnswer {
  const message = Buffer.from(bytes);
  const flags = message.readUInt16BE(2);
  let at = 12;
  if (message.readUInt16BE(4) === 1) at = mustReadName(message, at).next + 4;
  const question = message.subarray(12, at);
  const sections = [6, 8, 10].map((countAt) =>
    Array.from({ length: message.readUInt16BE(countAt) }, () => {
      const { name, next } = mustReadName(message, at);
      const length = message.readUInt16BE(next + 8);
      at = next + 10 + length;
      if (at > message.length) throw new Error('a record ends behind the message');
      return {
        owner: renderName(name),
        type: message.readUInt16BE(next),
        class: message.readUInt16BE(next + 2),
        ttl: message.readUInt32BE(next + 4),
        rdata: message.subarray(next + 10, at),
      };
    }),
  );
  if (at !== message.length) throw new Error(`${message.length - at} octets behind the last record`);
  const [answers = [], authorities = [], additionals = []] = sections;
  const opts = additionals.filter(({ type }) => type === 41);
  if (opts.length > 1) throw new Error('two OPT records');
  const opt = opts[0] === undefined ? undefined : readOpt(opts[0]);
  return {
    id: message.readUInt16BE(0),
    opcode: (flags >>> 11) & 15,
    rcode: (flags & 15) | (opts[0] === undefined ? 0 : (opts[0].ttl >>> 24) << 4),
    flags: flagNames.filter((_, index) => (flags >>> (flagBits[index] ?? 0)) & 1).join(' '),
    question,
    answers,
    authorities,
    additionals: additionals.filter(({ type }) => type !== 41),
    opt,
  };
}

function readOpt({ class: payload, ttl, rdata }: ReadRecord): ReadOpt {
  const options: Record<number, string> = {};
  let at = 0;
  while (at < rdata.length) {
    const length = rdata.readUInt16BE(at + 2);
    options[rdata.readUInt16BE(at)] = rdata.subarray(at + 4, at + 4 + length).toString('hex');
    at += 4 + length;
  }
  if (at !== rdata.length) throw new Error('an option ends behind its record');
  return { payload, version: (ttl >>> 16) & 0xff, flags: ttl & 0xffff, options };
}

function mustReadName(message: Buffer, at: number) {
  const read = readName(message, at);
  if (read === undefined) throw new Error(`no name at ${at}`);
  return read;
}
