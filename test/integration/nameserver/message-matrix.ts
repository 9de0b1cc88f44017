import { parseType } from '../../../src/dns/record-type.ts';
import { matrixQuestion, matrixQuestions } from '../../dns/knot-matrix.ts';
import {
  header,
  longestName,
  nameOf,
  type OptFields,
  opt,
  option,
  queryFor,
  question,
  record,
  tsig,
  uint16,
} from '../../dns/query-bytes.ts';

export interface MatrixMessage {
  readonly name: string;
  readonly message: Buffer;
}

const typeCode = (type: string) => parseType(type) ?? 0;
const clientCookie = '\x01\x02\x03\x04\x05\x06\x07\x08';

/** Every question of the names' matrix: without EDNS, with it, and with DO, each by its own flags. */
export const questionMessages: readonly MatrixMessage[] = [...new Set(matrixQuestions)].flatMap((row) => {
  const { name, type } = matrixQuestion(row);
  return [
    { name: `${row}, no EDNS`, message: queryFor(name, typeCode(type), undefined, { flags: 0 }) },
    { name: `${row}, EDNS and RD`, message: queryFor(name, typeCode(type), { payload: 4096 }) },
    { name: `${row}, DO, AD and CD`, message: queryFor(name, typeCode(type), { flags: 0x8000 }, { flags: 0x0030 }) },
  ];
});

/** What is asked is plain; how it is asked is not. */
export const oddMessages: readonly MatrixMessage[] = [
  ...cases(),
  ...payloadSizes(),
  ...types(),
  ...classes(),
  ...opcodes(),
  ...headerFlags(),
  ...ednsForms(),
  ...clientSubnets(),
  ...cookies(),
  ...malformed(),
];

/** 0x20: the case of the question comes back, and owners follow it. */
function cases(): readonly MatrixMessage[] {
  const names = [
    'ExAmPlE.tEsT.',
    'wWw.eXample.tEst.',
    'FoO.WiLd.ExAmPlE.TeSt.',
    'HOST.SUB.EXAMPLE.TEST.',
    'A.dN.example.TEST.',
  ];
  return [...names, 'NotHere.example.TEST.', 'uPPer.example.test.', 'XYZ.Elsewhere.Invalid.'].map((name) =>
    named(`0x20 ${name}`, queryFor(name, 1, {})),
  );
}

function payloadSizes(): readonly MatrixMessage[] {
  const sized = [
    ['big', 'TXT'],
    ['edge', 'TXT'],
    ['huge', 'TXT'],
    ['wide', 'A'],
    ['crowd', 'MX'],
    ['services', 'SRV'],
    ['host.many-ns', 'A'],
    ['host.few-ns', 'A'],
    ['aliasbig', 'TXT'],
    ['nothere', 'A'],
  ] as const;
  const sizes = [0, 1, 511, 512, 513, 600, 1_024, 1_231, 1_232, 1_233, 1_400, 1_452, 4_096, 65_535];
  return [
    ...sized.flatMap(([name, type]) => [
      named(`${name} ${type} without EDNS`, queryFor(`${name}.sizes.test.`, typeCode(type))),
      ...sizes.map((payload) =>
        named(`${name} ${type} in ${payload}`, queryFor(`${name}.sizes.test.`, typeCode(type), { payload })),
      ),
    ]),
  ];
}

/** All that have a number of their own, at a name with data and at one without. */
function types(): readonly MatrixMessage[] {
  const numbers = [...Array.from({ length: 264 }, (_, type) => type), 32_768, 32_769, 65_279, 65_280, 65_534, 65_535];
  return numbers.flatMap((type) => [
    named(`type ${type} of web`, queryFor('web.example.test.', type)),
    named(`type ${type} of the apex, EDNS`, queryFor('example.test.', type, {})),
    named(`type ${type} of nothing`, queryFor('nothere.example.test.', type, {})),
    named(`type ${type} outside`, queryFor('elsewhere.invalid.', type)),
  ]);
}

function classes(): readonly MatrixMessage[] {
  const chaos = ['id.server.', 'hostname.bind.', 'version.bind.', 'version.server.', 'authors.bind.'];
  return [
    ...[0, 2, 3, 4, 5, 254, 255, 256, 65_535].flatMap((recordClass) =>
      ['web.example.test.', 'nothere.example.test.', 'elsewhere.invalid.', 'host.sub.example.test.'].map((name) =>
        named(`class ${recordClass} of ${name}`, Buffer.concat([header(), question(name, 1, recordClass)])),
      ),
    ),
    ...chaos.map((name) => named(`CH TXT ${name}`, Buffer.concat([header(), question(name, 16, 3)]))),
  ];
}

function opcodes(): readonly MatrixMessage[] {
  return Array.from({ length: 15 }, (_, index) => index + 1).flatMap((code) => [
    named(`opcode ${code}`, queryFor('example.test.', 6, undefined, { flags: code << 11 })),
    named(`opcode ${code} with EDNS`, queryFor('example.test.', 6, {}, { flags: code << 11 })),
    named(`opcode ${code} outside`, queryFor('elsewhere.invalid.', 6, undefined, { flags: code << 11 })),
    named(`opcode ${code}, a header alone`, header({ flags: code << 11, questions: 0 })),
  ]);
}

function headerFlags(): readonly MatrixMessage[] {
  const bits = { AA: 0x0400, TC: 0x0200, RD: 0x0100, RA: 0x0080, Z: 0x0040, AD: 0x0020, CD: 0x0010, rcode: 0x0003 };
  return Object.entries({ ...bits, all: 0x07f0 }).flatMap(([flag, flags]) => [
    named(`${flag} set`, queryFor('web.example.test.', 1, undefined, { flags })),
    named(`${flag} set, EDNS`, queryFor('nothere.example.test.', 1, {}, { flags })),
    named(`${flag} set, refused`, queryFor('elsewhere.invalid.', 1, {}, { flags })),
  ]);
}

function ednsForms(): readonly MatrixMessage[] {
  const forms: Readonly<Record<string, OptFields>> = {
    'version 1': { version: 1 },
    'version 255': { version: 255 },
    'version 1 with an option': { version: 1, options: [option(100, 'x')] },
    'version 1 with a cut option': { version: 1, options: [Buffer.of(0, 3, 0, 9)] },
    'version 1 and DO': { version: 1, flags: 0x8000 },
    'an extended rcode': { extendedRcode: 1 },
    'an unknown flag': { flags: 0x0080 },
    'all flags': { flags: 0xffff },
    CO: { flags: 0x4000 },
    'an unknown option': { options: [option(100, 'x')] },
    'a local option': { options: [option(65_001, 'abc'), option(65_534)] },
    'option 0': { options: [option(0)] },
    'option 65535': { options: [option(65_535, 'x')] },
    'an empty unknown option': { options: [option(100)] },
    padding: { options: [option(12, '\0'.repeat(100))] },
    'empty padding': { options: [option(12)] },
    'padding that is not zero': { options: [option(12, 'abc')] },
    expire: { options: [option(9)] },
    keepalive: { options: [option(11)] },
    'keepalive with a time': { options: [option(11, '\0\x64')] },
    NSID: { options: [option(3)] },
    'NSID with data': { options: [option(3, 'x')] },
    'NSID twice': { options: [option(3), option(3)] },
    'an extended error': { options: [option(15, '\0\x12')] },
    'a chain option': { options: [option(13, '\0')] },
    'a key tag': { options: [option(14, '\x4f\x66')] },
    'report channel': { options: [option(18, '\x01a\0')] },
    'zone version': { options: [option(19)] },
    'DAU, DHU, N3U': { options: [option(5, '\x0d'), option(6, '\x02'), option(7, '\x01')] },
    'LLQ and UL': { options: [option(1, '\0'.repeat(18)), option(2, '\0'.repeat(4))] },
    'an option that is cut': { options: [Buffer.of(0, 100, 0, 9, 1)] },
    'an option head that is cut': { options: [Buffer.of(0, 100, 0)] },
    'an NSID that is cut': { options: [Buffer.of(0, 3, 0, 9)] },
    'a hundred options': { options: Array.from({ length: 100 }, (_, code) => option(20_000 + code)) },
    'an owner': { owner: nameOf('a.') },
  };
  return Object.entries(forms).flatMap(([form, fields]) => [
    named(`EDNS: ${form}`, queryFor('web.example.test.', 1, fields)),
    named(`EDNS: ${form}, name error`, queryFor('nothere.example.test.', 1, fields)),
    named(`EDNS: ${form}, refused`, queryFor('elsewhere.invalid.', 1, fields)),
  ]);
}

function clientSubnets(): readonly MatrixMessage[] {
  const subnets: Readonly<Record<string, string>> = {
    '192.0.2.0/24': '\0\x01\x18\0\xc0\0\x02',
    '0.0.0.0/0': '\0\x01\0\0',
    '10.0.0.0/8': '\0\x01\x08\0\x0a',
    '192.0.2.128/25': '\0\x01\x19\0\xc0\0\x02\x80',
    '192.0.2.1/32': '\0\x01\x20\0\xc0\0\x02\x01',
    '2001:db8::/32': '\0\x02\x20\0\x20\x01\x0d\xb8',
    '2001:db8::/56': '\0\x02\x38\0\x20\x01\x0d\xb8\0\0\0',
    '::/0': '\0\x02\0\0',
    '/128': `\0\x02\x80\0${'\x20'.repeat(16)}`,
    'family 0, prefix 0': '\0\0\0\0',
    'family 3': '\0\x03\x08\0\x0a',
    'a scope in the query': '\0\x01\x18\x18\xc0\0\x02',
    'bits behind the prefix': '\0\x01\x17\0\xc0\0\x03',
    'too few octets': '\0\x01\x18\0\xc0\0',
    'too many octets': '\0\x01\x18\0\xc0\0\x02\0',
    '/33': '\0\x01\x21\0\xc0\0\x02\x01\0',
    '/129': `\0\x02\x81\0${'\x20'.repeat(17)}`,
    'three octets': '\0\x01\x18',
    nothing: '',
  };
  return Object.entries(subnets).flatMap(([subnet, data]) => [
    named(`client subnet ${subnet}`, queryFor('web.example.test.', 1, { options: [option(8, data)] })),
    named(`client subnet ${subnet}, name error`, queryFor('nothere.example.test.', 1, { options: [option(8, data)] })),
    named(`client subnet ${subnet}, refused`, queryFor('elsewhere.invalid.', 1, { options: [option(8, data)] })),
  ]);
}

function cookies(): readonly MatrixMessage[] {
  const lengths = [0, 1, 7, 8, 9, 15, 16, 24, 39, 40, 41];
  return [
    ...lengths.map((length) =>
      named(
        `a cookie of ${length} octets`,
        queryFor('web.example.test.', 1, {
          options: [option(10, `${clientCookie}${'\x01'.repeat(33)}`.slice(0, length))],
        }),
      ),
    ),
    named(
      'a client cookie alone, without a question',
      Buffer.concat([header({ questions: 0, additionals: 1 }), opt({ options: [option(10, clientCookie)] })]),
    ),
    named(
      'two cookies',
      queryFor('web.example.test.', 1, { options: [option(10, clientCookie), option(10, 'abcdefgh')] }),
    ),
  ];
}

function malformed(): readonly MatrixMessage[] {
  const plain = queryFor('web.example.test.', 1);
  const counts = { questions: 0, answers: 0, authorities: 0, additionals: 0 };
  const web = question('web.example.test.');
  return [
    named('a header alone', header(counts)),
    named('a header that says one question', header()),
    named('eleven octets', plain.subarray(0, 11)),
    named('two octets', plain.subarray(0, 2)),
    ...[13, 16, 20, plain.length - 4, plain.length - 1].map((length) =>
      named(`cut at ${length}`, plain.subarray(0, length)),
    ),
    named('two questions', Buffer.concat([header({ questions: 2 }), web, web])),
    named('65535 questions', Buffer.concat([header({ questions: 65_535 }), web])),
    named(
      '65535 of everything',
      Buffer.concat([header({ questions: 1, answers: 65_535, authorities: 65_535, additionals: 65_535 }), web]),
    ),
    named('an octet behind the question', Buffer.concat([plain, Buffer.of(0)])),
    named('a record behind what was counted', Buffer.concat([plain, opt()])),
    named('two OPT', Buffer.concat([header({ additionals: 2 }), web, opt(), opt()])),
    named('OPT as an answer', Buffer.concat([header({ answers: 1 }), web, opt()])),
    named('OPT as authority', Buffer.concat([header({ authorities: 1 }), web, opt()])),
    named(
      'an answer in the query',
      Buffer.concat([header({ answers: 1 }), web, record({ type: 1, rdata: Buffer.alloc(4) })]),
    ),
    named(
      'an authority in the query',
      Buffer.concat([header({ authorities: 1 }), web, record({ type: 1, rdata: Buffer.alloc(4) })]),
    ),
    named(
      'a record before OPT',
      Buffer.concat([header({ additionals: 2 }), web, record({ type: 1, rdata: Buffer.alloc(4) }), opt()]),
    ),
    named(
      'a record behind OPT',
      Buffer.concat([header({ additionals: 2 }), web, opt(), record({ type: 1, rdata: Buffer.alloc(4) })]),
    ),
    named('TSIG of an unknown key', Buffer.concat([header({ additionals: 1 }), web, tsig()])),
    named('TSIG and OPT', Buffer.concat([header({ additionals: 2 }), web, opt(), tsig()])),
    named('TSIG before OPT', Buffer.concat([header({ additionals: 2 }), web, tsig(), opt()])),
    named('a response', queryFor('web.example.test.', 1, undefined, { flags: 0x8000 })),
    named('a response with EDNS', queryFor('web.example.test.', 1, {}, { flags: 0x8580 })),
    named('a name that points to itself', Buffer.concat([header(), Buffer.of(0xc0, 12), uint16(1), uint16(1)])),
    named(
      'a name that points forward',
      Buffer.concat([header(), Buffer.of(0xc0, 20), uint16(1), uint16(1), Buffer.of(1, 97, 0)]),
    ),
    named(
      'a name that points into the header',
      Buffer.concat([header(), Buffer.of(3, 119, 119, 119, 0xc0, 4), uint16(1), uint16(1)]),
    ),
    named('a label of type 01', Buffer.concat([header(), Buffer.of(0x41, 1, 0), uint16(1), uint16(1)])),
    named('a label of type 10', Buffer.concat([header(), Buffer.of(0x81, 1, 0), uint16(1), uint16(1)])),
    named('the longest name', Buffer.concat([header(), question(longestName)])),
    named(
      'a name of 256 octets',
      Buffer.concat([header(), Buffer.from('\x01a'.repeat(128)), Buffer.alloc(1), uint16(1), uint16(1)]),
    ),
    named('UPDATE with a zone', queryFor('example.test.', 6, undefined, { flags: 5 << 11 })),
    named('UPDATE of what is no zone', queryFor('web.example.test.', 6, undefined, { flags: 5 << 11 })),
    named('NOTIFY', queryFor('example.test.', 6, undefined, { flags: (4 << 11) | 0x0400 })),
    named('NOTIFY of what is no zone', queryFor('web.example.test.', 6, undefined, { flags: (4 << 11) | 0x0400 })),
    named(
      'IXFR with an SOA',
      Buffer.concat([
        header({ authorities: 1 }),
        question('example.test.', 251),
        record({
          owner: nameOf('example.test.'),
          type: 6,
          rdata: Buffer.concat([nameOf('a.'), nameOf('b.'), Buffer.alloc(20)]),
        }),
      ]),
    ),
    named('nothing asked of the longest label', queryFor(`${'x'.repeat(63)}.example.test.`, 1)),
    named('a label of null octets', queryFor('\\000\\000.example.test.', 1)),
    named('a label of dots and spaces', queryFor('\\.\\032.example.test.', 1)),
    named('octets above 127', queryFor('\\200\\255.wild.example.test.', 1)),
  ];
}

function named(name: string, message: Buffer): MatrixMessage {
  return { name, message };
}
