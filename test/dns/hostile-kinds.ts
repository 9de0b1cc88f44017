import { deviceLabels } from '../../src/plan/device-label.ts';
import { hostileMessages } from './hostile-messages.ts';
import { createMutation } from './message-mutation.ts';
import { header, opt, option, queryFor, question, record, tsig, uint16 } from './query-bytes.ts';

/** The message of this number; most are asked once only. */
export type HostileKind = (index: number) => Buffer;

const wantsSignatures = { flags: 0x8000 };
const www = 'www.h.test.';
const mutation = createMutation(1);
/** Octets that differ from one message to the next. */
const scattered = (index: number, octet = 0) => (Math.imul(index + 1, 0x9e3779b1) >>> (8 * octet)) & 0xff;

/** One owner after the other, each a pointer to the one before it, down to the question's name. */
function pointerChain(): Buffer {
  const asked = question(www);
  const parts = [header({ additionals: 32 }), asked];
  let target = 12;
  let at = 12 + asked.length;
  for (let index = 0; index < 31; index += 1) {
    const link = record({ owner: Buffer.concat([Buffer.of(1, 0x61), uint16(0xc000 | target)]), type: 1 });
    parts.push(link);
    target = at;
    at += link.length;
  }
  // Only the TSIG's owner is read to its end.
  parts.push(tsig({ owner: uint16(0xc000 | target) }));
  return Buffer.concat(parts);
}

/** A TSIG whose owner has as many labels as fit, each behind another pointer. */
function pointerLadder(): Buffer {
  const steps = Array.from({ length: 120 }, (_, index) => {
    const from = 12 + 5 + 10 + 4 * index;
    return Buffer.concat([Buffer.of(1, 0x61), uint16(0xc000 | (index === 0 ? 12 : from - 4))]);
  });
  const padding = record({ owner: Buffer.of(0), type: 65_280, rdata: Buffer.concat(steps) });
  const head = Buffer.concat([header({ answers: 1, additionals: 1 }), question('.')]);
  const lastStep = head.length + padding.length - 4;
  return Buffer.concat([head, padding, tsig({ owner: uint16(0xc000 | lastStep) })]);
}

const single: Readonly<Record<string, Buffer>> = {
  ...hostileMessages,
  'nothing but a header': header(),
  'a header cut short': header().subarray(0, 11),
  'a response': queryFor(www, 1, undefined, { flags: 0x8100 }),
  'a pointer to itself': Buffer.concat([header(), uint16(0xc00c), uint16(1), uint16(1)]),
  'a pointer forward': Buffer.concat([
    header({ additionals: 1 }),
    question(www),
    record({ owner: uint16(0xfff0), type: 1 }),
  ]),
  'a label of 64 octets': Buffer.concat([header(), Buffer.of(64), Buffer.alloc(64, 0x61), Buffer.of(0, 0, 1, 0, 1)]),
  'a chain of 32 pointers to a TSIG': pointerChain(),
  'a TSIG owner of 120 pointers': pointerLadder(),
  'two OPT records': Buffer.concat([header({ additionals: 2 }), question(www), opt(), opt()]),
  'EDNS version 1': queryFor(www, 1, { version: 1 }),
  'trailing octets': Buffer.concat([queryFor(www), Buffer.alloc(1_000, 1)]),
  'no question and a cookie': Buffer.concat([
    header({ questions: 0, additionals: 1 }),
    opt({ options: [option(10, 'abcdefgh')] }),
  ]),
  NXNAME: queryFor(www, 128, wantsSignatures),
  'ANY of many types': queryFor('many.h.test.', 255, wantsSignatures),
  RRSIG: queryFor('many.h.test.', 46, wantsSignatures),
  'a large answer': queryFor('big.h.test.', 16, wantsSignatures),
  'a chain of aliases': queryFor('c0.h.test.', 1, wantsSignatures),
};

/** Everything that the issue calls bad input, and floods of questions that were never asked before. */
export const hostileKinds: Readonly<Record<string, HostileKind>> = {
  ...Object.fromEntries(Object.entries(single).map(([name, message]) => [name, () => message])),
  'mutated messages': () => mutation(),
  noise: (index) => Buffer.from(Array.from({ length: 12 + (index % 500) }, (_, at) => scattered(index * 512 + at))),
  'every opcode and flag': (index) => queryFor(www, 1, {}, { flags: index & 0x7fff }),
  'every class': (index) => Buffer.concat([header(), question(www, 1, index & 0xffff)]),
  'every type of one name': (index) => queryFor(www, index & 0xffff, wantsSignatures),
  'every type of a device': (index) => queryFor('meter-7.d.h.test.', index & 0xffff, wantsSignatures),
  'client subnets, IPv4': (index) =>
    queryFor('front.h.test.', 1, {
      options: [option(8, Buffer.of(0, 1, 24, 0, scattered(index), scattered(index, 1), scattered(index, 2)))],
    }),
  'client subnets, IPv6, signed': (index) =>
    queryFor('front.h.test.', 28, {
      ...wantsSignatures,
      options: [
        option(8, Buffer.of(0, 2, 56, 0, 0x20, scattered(index), scattered(index, 1), scattered(index, 2), 1, 2, 3)),
      ],
    }),
  'client subnets that are none': (index) =>
    queryFor('front.h.test.', 1, {
      options: [option(8, Buffer.from([0, index % 4, index % 256, index % 3, ...Buffer.alloc(index % 20, 0xff)]))],
    }),
  'cookies that are none': (index) =>
    queryFor(www, 1, { options: [option(10, Buffer.alloc(index % 64, scattered(index)))] }),
  'server cookies to check': (index) =>
    queryFor(www, 1, {
      options: [
        option(10, Buffer.concat([Buffer.alloc(8, index), Buffer.of(1, 0, 0, 0), Buffer.alloc(12, scattered(index))])),
      ],
    }),
  'names of other zones': (index) => queryFor(`n${index}.example.org.`, 1, wantsSignatures),
  'names that do not exist': (index) => queryFor(`n${index}.h.test.`, 1),
  'names that do not exist, signed': (index) => queryFor(`n${index}.h.test.`, 1, wantsSignatures),
  'names of 100 labels, signed': (index) => queryFor(`${index}.${'a.'.repeat(100)}h.test.`, 1, wantsSignatures),
  'a wildcard, signed': (index) => queryFor(`n${index}.w.h.test.`, 1, wantsSignatures),
  '100 labels below a wildcard, signed': (index) =>
    queryFor(`${index}.${'a.'.repeat(100)}w.h.test.`, 1, wantsSignatures),
  'mail of a wildcard with hosts, signed': (index) => queryFor(`n${index}.mx.h.test.`, 15, wantsSignatures),
  'names below a DNAME, signed': (index) => queryFor(`n${index}.${'a.'.repeat(40)}dn.h.test.`, 1, wantsSignatures),
  'names below a delegation, signed': (index) => queryFor(`n${index}.sub.h.test.`, 1, wantsSignatures),
  'devices, signed': (index) => queryFor(`device-${index}.d.h.test.`, 1, wantsSignatures),
  'devices with long names, signed': (index) =>
    queryFor(`${deviceLabels(`µ${'☂'.repeat(40)}${index}`).join('.')}.d.h.test.`, 1, wantsSignatures),
  'device names that are none': (index) => queryFor(`x--${'v'.repeat(50)}.${'v'.repeat(60)}.${index}.d.h.test.`, 1),
  'names of the zone, signed': (index) => queryFor(`h${index % 20_000}.h.test.`, 1, wantsSignatures),
  'mail of names of the zone, signed': (index) => queryFor(`m${index % 2_000}.h.test.`, 15, wantsSignatures),
};
