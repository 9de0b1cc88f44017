import type { Answer } from '../../src/dns/answer.ts';
import type { AnswerSource, Question } from '../../src/dns/answer-source.ts';
import type { RecordSet } from '../../src/dns/record-set.ts';
import { rcode, recordType } from '../../src/dns/record-type.ts';
import { isAtOrBelow, nameKey } from '../../src/dns/wire-name.ts';
import { nameOf, uint16, uint32 } from './query-bytes.ts';

const origin = nameOf('example.com.');

export function recordSet(owner: string, type: number, ...rdatas: readonly Uint8Array[]): RecordSet {
  return { owner: nameOf(owner), type, ttl: 300, rdatas };
}

export function answerOf(fields: Partial<Answer>): Answer {
  return { rcode: rcode.NOERROR, authoritative: true, answer: [], authority: [], additional: [], ...fields };
}

export const soaSet = recordSet(
  'example.com.',
  recordType.SOA,
  Buffer.concat([nameOf('ns1.example.com.'), nameOf('admin.example.com.'), ...[1, 3600, 600, 86400, 60].map(uint32)]),
);

const addressSet = recordSet('www.example.com.', recordType.A, Buffer.of(192, 0, 2, 3));
const bigSet = recordSet('big.example.com.', recordType.TXT, ...Array.from({ length: 8 }, (_, index) => text(index)));
const mailSet = recordSet('example.com.', recordType.MX, Buffer.concat([uint16(10), nameOf('Mail.Example.COM.')]));
const mailAddressSet = recordSet('mail.example.com.', recordType.A, Buffer.of(192, 0, 2, 4));

function text(index: number): Buffer {
  return Buffer.concat([Buffer.of(151), Buffer.alloc(151, 0x61 + index)]);
}

const steered = { kind: 'varies' } as const;
const answerByQuestion: Readonly<Record<string, Answer | typeof steered>> = {
  'www.example.com. 1': answerOf({ answer: [addressSet] }),
  'big.example.com. 16': answerOf({ answer: [bigSet] }),
  'example.com. 15': answerOf({ answer: [mailSet], additional: [mailAddressSet] }),
  'sub.example.com. 1': answerOf({
    authoritative: false,
    authority: [recordSet('sub.example.com.', recordType.NS, nameOf('ns.sub.example.com.'))],
    additional: [recordSet('ns.sub.example.com.', recordType.A, Buffer.of(192, 0, 2, 9))],
  }),
  'steered.example.com. 1': steered,
};

/** Answers by hand: a zone of a few names, one of them steered by the first octet of the asking network. */
export function createSmallSource(): AnswerSource & { readonly resolved: string[] } {
  const resolved: string[] = [];
  const sides = ['even', 'odd'].map((side, index) => ({ side, last: index }));
  return {
    resolved,
    isOrigin: (key) => key === nameKey(origin),
    resolve(question) {
      const words = `${textOf(question)} ${question.type}`;
      resolved.push(words);
      const known = answerByQuestion[words];
      if (known === undefined) return { kind: 'fixed', answer: unknownName(question) };
      if (!('kind' in known)) return { kind: 'fixed', answer: known };
      return {
        kind: 'varies',
        choices: {
          choose: ({ address }) => sides[(address[0] ?? 0) % 2] ?? {},
          scopeOf: ({ address }) => (address.length === 4 ? 24 : 56),
          answerFor: (choice) => {
            const { last } = choice as { last: number };
            return answerOf({ answer: [recordSet('steered.example.com.', recordType.A, Buffer.of(192, 0, 2, last))] });
          },
        },
      };
    },
  };
}

function textOf({ key }: Question): string {
  let text = '';
  for (let at = 0; key.charCodeAt(at) !== 0; at += 1 + key.charCodeAt(at)) {
    text += `${key.slice(at + 1, at + 1 + key.charCodeAt(at))}.`;
  }
  return text === '' ? '.' : text;
}

function unknownName({ name }: Question): Answer {
  if (!isAtOrBelow(name, origin)) {
    return answerOf({ rcode: rcode.REFUSED, authoritative: false, extendedErrors: [{ infoCode: 20 }] });
  }
  return answerOf({ rcode: nameKey(name) === nameKey(origin) ? rcode.NOERROR : rcode.NXDOMAIN, authority: [soaSet] });
}
