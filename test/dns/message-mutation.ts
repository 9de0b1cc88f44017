import { header, longestName, nameOf, opt, option, queryFor, question, record, tsig } from './query-bytes.ts';

/** Mulberry32: 32 bits a call, the same for the same seed. */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), state | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return (value ^ (value >>> 14)) >>> 0;
  };
}

const www = question('www.example.com.');
const everyOption = [
  option(3),
  option(8, Buffer.of(0, 1, 24, 0, 198, 51, 100)),
  option(10, 'abcdefgh'),
  option(12, Buffer.alloc(16)),
  option(15, 'x'),
];

/** Messages that reach every branch of the gate, to begin from. */
const beginnings: readonly Buffer[] = [
  ...[
    'www.example.com.',
    'big.example.com.',
    'sub.example.com.',
    'steered.example.com.',
    'nx.example.com.',
    'a.b.',
    '.',
  ].flatMap((name) =>
    [1, 16, 15, 255, 252, 128].map((type) => queryFor(name, type, { options: everyOption, flags: 0x8000 })),
  ),
  queryFor('www.example.com.'),
  queryFor('www.example.com.', 1, { options: [option(8, Buffer.of(0, 2, 56, 0, 32, 1, 13, 184, 0, 0, 1))] }),
  queryFor('www.example.com.', 1, { options: [option(10, Buffer.alloc(24, 1))] }),
  Buffer.concat([header({ additionals: 2 }), www, opt({ options: everyOption }), tsig()]),
  Buffer.concat([header({ additionals: 1, questions: 0 }), opt({ options: everyOption })]),
  Buffer.concat([
    header({ answers: 1, authorities: 1 }),
    www,
    record({ type: 1 }),
    record({ owner: Buffer.of(0xc0, 12), type: 2 }),
  ]),
  Buffer.concat([header({ flags: 0x2000 }), question('example.com.', 6)]),
  Buffer.concat([header({ flags: 0x2800 }), question('example.com.', 6)]),
  Buffer.concat([header(), longestName, Buffer.of(0, 1, 0, 1)]),
  Buffer.concat([
    header({ additionals: 1 }),
    question(nameOf('a.b.c.d.e.f.')),
    record({ owner: Buffer.of(0xc0, 14), type: 24 }),
  ]),
];

const tellingOctets = [0, 1, 2, 12, 41, 63, 64, 127, 128, 191, 192, 193, 250, 255];

/** An endless run of messages, each some changes away from one that makes sense. */
export function createMutation(seed: number): () => Buffer {
  const random = createRandom(seed);
  const below = (bound: number) => random() % Math.max(1, bound);
  const pick = <Value>(values: readonly Value[]) => values[below(values.length)] as Value;

  function changed(bytes: Buffer): Buffer {
    const at = below(bytes.length);
    switch (below(9)) {
      case 0:
        return withOctet(bytes, at, pick(tellingOctets));
      case 1:
        return withOctet(bytes, at, (bytes[at] ?? 0) ^ (1 << below(8)));
      case 2:
        // The header decides most.
        return withOctet(bytes, below(12), pick(tellingOctets));
      case 3:
        return bytes.subarray(0, at);
      case 4:
        return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + below(4))]);
      case 5:
        return Buffer.concat([bytes.subarray(0, at), Buffer.of(pick(tellingOctets)), bytes.subarray(at)]);
      case 6:
        return Buffer.concat([bytes.subarray(0, at), bytes.subarray(below(bytes.length), at + below(40))]);
      case 7:
        return Buffer.concat([bytes.subarray(0, at), pick(beginnings).subarray(below(60))]);
      default:
        // RDLENGTH, option lengths and prefixes near the end.
        return withOctet(bytes, bytes.length - 1 - below(Math.min(30, bytes.length)), pick(tellingOctets));
    }
  }

  return () => {
    let bytes = pick(beginnings);
    for (let changes = below(5); changes > 0 && bytes.length > 0; changes -= 1) bytes = changed(bytes);
    return bytes;
  };
}

function withOctet(bytes: Buffer, at: number, octet: number): Buffer {
  const copy = Buffer.from(bytes);
  if (at >= 0 && at < copy.length) copy[at] = octet;
  return copy;
}
