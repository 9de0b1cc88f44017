import { header, longestName, option, queryFor, question, record, tsig } from './query-bytes.ts';

export const longestMessage = 65_535;

/** As many copies of `part` behind `start` as a message takes. */
function filled(start: Buffer, part: Buffer, countAt?: number): Buffer {
  const count = Math.floor((longestMessage - start.length) / part.length);
  const message = Buffer.concat([start, ...Array.from({ length: count }, () => part)]);
  if (countAt !== undefined) message.writeUInt16BE(count, countAt);
  return message;
}

function filledOpt(part: Buffer): Buffer {
  const count = Math.floor((longestMessage - 40) / part.length);
  return queryFor('a.', 1, { options: Array.from({ length: count }, () => part) });
}

const a = question('a.');
const longName = record({ owner: longestName, type: 1 });
/** A chain of pointers, each to the one before it, and a question that ends in the last. */
const pointers = Buffer.concat(
  Array.from({ length: 8_000 }, (_, index) => Buffer.of(0xc0 | ((12 + 2 * index) >>> 8), 12 + 2 * index)),
);

/** Messages that are dear to who is not careful, each the same every time. */
export const hostileMessages: Readonly<Record<string, Buffer>> = {
  'records owned by the root': filled(Buffer.concat([header(), a]), record({ owner: Buffer.of(0), type: 1 }), 10),
  'records owned by the longest name': filled(Buffer.concat([header(), a]), longName, 6),
  '32 records owned by the longest name': Buffer.concat([
    header({ additionals: 32 }),
    a,
    ...Array.from({ length: 32 }, () => longName),
  ]),
  questions: filled(header(), a, 4),
  'a question of pointers': Buffer.concat([header(), pointers, a]),
  'empty options': filledOpt(option(65_001)),
  'empty client subnets': filledOpt(option(8)),
  'empty cookies': filledOpt(option(10)),
  'one long option': queryFor('a.', 1, { options: [option(12, Buffer.alloc(65_400))] }),
  'all counts 65535': Buffer.concat([
    header({ questions: 1, answers: 65_535, authorities: 65_535, additionals: 65_535 }),
    a,
  ]),
  zeros: Buffer.alloc(longestMessage),
  ones: Buffer.concat([header(), Buffer.alloc(longestMessage - 12, 255)]),
  'labels of one octet without an end': Buffer.concat([header(), Buffer.alloc(longestMessage - 12, 1)]),
  'TSIG with a long signature': Buffer.concat([
    header({ additionals: 1 }),
    a,
    tsig({ rdata: Buffer.alloc(60_000, 1) }),
  ]),
  'a server cookie to check': queryFor('www.example.com.', 1, { options: [option(10, Buffer.alloc(24, 1))] }),
  'the longest name': Buffer.concat([header(), longestName, Buffer.of(0, 1, 0, 1)]),
};
