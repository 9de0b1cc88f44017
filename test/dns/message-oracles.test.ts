import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import packet from 'dns-packet';
import dns2 from 'dns2';
import fc from 'fast-check';
import type { AnswerSource } from '../../src/dns/answer-source.ts';
import { type AskingNetwork, addressOctets, maskedOctets, renderAskingNetwork } from '../../src/dns/asking-network.ts';
import { createQuestionKey, fillQuestionKey, nameKeyOf } from '../../src/dns/question-key.ts';
import { readQuery } from '../../src/dns/question-reader.ts';
import type { RecordSet } from '../../src/dns/record-set.ts';
import { recordType } from '../../src/dns/record-type.ts';
import { createResponder } from '../../src/dns/responder.ts';
import { nameKey } from '../../src/dns/wire-name.ts';
import { nameOf, queryFor, uint16, uint32 } from './query-bytes.ts';

/** Both codecs take names as text, and dots for separators: labels here have none. */
const label = fc.stringMatching(/^[a-zA-Z0-9_-]{1,20}$/);
const name = fc.array(label, { minLength: 1, maxLength: 6 }).map((labels) => labels.join('.'));
const type = fc.constantFrom(
  'A',
  'AAAA',
  'TXT',
  'MX',
  'SOA',
  'CNAME',
  'CAA',
  'SRV',
  'NS',
) as fc.Arbitrary<packet.RecordType>;
/** Without bits beyond the prefix, which dns-packet would send as they are. */
const subnet = fc
  .oneof(
    fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 })),
    fc.tuple(fc.constantFrom('2001:db8:1:2:3:4:5:6', '2001:db8::ff00', 'fe80::1'), fc.integer({ min: 0, max: 128 })),
  )
  .map(([ip, prefixLength]) => ({ address: maskedOctets(addressOctets(ip), prefixLength), prefixLength }));

function textOf(network: AskingNetwork): string {
  return renderAskingNetwork(network).replace(/\/.*/, '');
}

describe('readQuery and dns-packet', () => {
  test('read the same from what dns-packet writes', () => {
    const query = fc.record({
      id: fc.nat({ max: 0xffff }),
      name,
      type,
      // dns-packet takes 0 for 4096.
      payload: fc.integer({ min: 1, max: 0xffff }),
      isDnssecOk: fc.boolean(),
      subnet: fc.option(subnet, { nil: undefined }),
      padding: fc.nat({ max: 30 }),
    });
    fc.assert(
      fc.property(query, ({ id, name: asked, type: askedType, payload, isDnssecOk, subnet: from, padding }) => {
        const options = [
          ...(from === undefined
            ? []
            : [{ code: 'CLIENT_SUBNET' as const, ip: textOf(from), sourcePrefixLength: from.prefixLength }]),
          { code: 'PADDING' as const, length: padding },
        ];
        const bytes = packet.encode({
          type: 'query',
          id,
          flags: packet.RECURSION_DESIRED,
          questions: [{ name: asked, type: askedType }],
          additionals: [
            {
              type: 'OPT',
              name: '.',
              udpPayloadSize: payload,
              flags: isDnssecOk ? 0x8000 : 0,
              options,
            } as unknown as packet.OptAnswer,
          ],
        });
        const read = readQuery(bytes);
        assert.ok(read?.edns !== undefined);
        assert.equal(read.fault, 0);
        const key = createQuestionKey();
        fillQuestionKey(key, bytes, read);
        assert.equal(nameKeyOf(key), nameKey(nameOf(`${asked}.`)));
        assert.equal(read.edns.payloadOctets, payload);
        assert.equal(read.edns.isDnssecOk, isDnssecOk);
        assert.deepEqual(read.edns.clientSubnet, from);
      }),
      { numRuns: 1_000 },
    );
  });
});

/** Data in wire form, and what the codecs make of it. */
const data = fc.oneof(
  fc
    .ipV4()
    .map((ip) => ({ type: 'A', wire: Buffer.from(ip.split('.').map(Number)), packet: ip, dns2: { address: ip } })),
  name.map((target) => ({ type: 'CNAME', wire: nameOf(`${target}.`), packet: target, dns2: { domain: target } })),
  name.map((target) => ({ type: 'NS', wire: nameOf(`${target}.`), packet: target, dns2: { ns: target } })),
  fc.tuple(fc.nat({ max: 0xffff }), name).map(([preference, exchange]) => ({
    type: 'MX',
    wire: Buffer.concat([uint16(preference), nameOf(`${exchange}.`)]),
    packet: { preference, exchange },
    dns2: { priority: preference, exchange },
  })),
  fc.tuple(name, name, fc.nat()).map(([mname, rname, serial]) => ({
    type: 'SOA',
    wire: Buffer.concat([nameOf(`${mname}.`), nameOf(`${rname}.`), ...[serial, 1, 2, 3, 4].map(uint32)]),
    packet: { mname, rname, serial, refresh: 1, retry: 2, expire: 3, minimum: 4 },
    dns2: { primary: mname, admin: rname, serial, refresh: 1, retry: 2, expiration: 3, minimum: 4 },
  })),
  fc.tuple(name, fc.nat({ max: 0xffff })).map(([target, port]) => ({
    type: 'SRV',
    wire: Buffer.concat([uint16(1), uint16(2), uint16(port), nameOf(`${target}.`)]),
    packet: { priority: 1, weight: 2, port, target },
    dns2: { priority: 1, weight: 2, port, target },
  })),
);
type Data = typeof data extends fc.Arbitrary<infer Value> ? Value : never;
const owned = fc.record({ owner: name, ttl: fc.nat({ max: 0x7fffffff }), data });

describe('what the responder writes', () => {
  const sections = fc.record({
    asked: name,
    answer: fc.array(owned, { maxLength: 8 }),
    authority: fc.array(owned, { maxLength: 4 }),
    additional: fc.array(owned, { maxLength: 4 }),
  });
  const setOf = ({
    owner,
    ttl,
    data: { type: mnemonic, wire },
  }: {
    owner: string;
    ttl: number;
    data: Data;
  }): RecordSet => ({
    owner: nameOf(`${owner}.`),
    type: recordType[mnemonic as keyof typeof recordType],
    ttl,
    rdatas: [wire],
  });

  test('is read back by dns-packet and dns2, record by record', () => {
    fc.assert(
      fc.property(sections, ({ asked, answer, authority, additional }) => {
        const source: AnswerSource = {
          isOrigin: () => false,
          resolve: () => ({
            kind: 'fixed',
            answer: {
              rcode: 0,
              authoritative: true,
              answer: answer.map(setOf),
              authority: authority.map(setOf),
              additional: additional.map(setOf),
            },
          }),
        };
        const asker = { address: Buffer.of(192, 0, 2, 1), transport: 'tcp' } as const;
        const bytes = createResponder({})(queryFor(`${asked}.`, 1, {}), asker, 0, source);
        assert.ok(bytes !== undefined);
        const same = (text: string) => text.toLowerCase();

        const read = packet.decode(Buffer.from(bytes));
        assert.equal(read.questions?.[0]?.name, asked);
        const readSections = [read.answers ?? [], read.authorities ?? [], read.additionals ?? []];
        [answer, authority, additional].forEach((records, section) => {
          records.forEach((each, index) => {
            const found = readSections[section]?.[index] as { name: string; type: string; ttl: number; data: unknown };
            assert.equal(same(found.name), same(each.owner));
            assert.equal(found.type, each.data.type);
            assert.equal(found.ttl, each.ttl);
            assert.deepEqual(
              JSON.parse(same(JSON.stringify(found.data))),
              JSON.parse(same(JSON.stringify(each.data.packet))),
            );
          });
        });
        assert.equal(readSections[2]?.at(-1)?.type, 'OPT');

        const other = dns2.Packet.parse(Buffer.from(bytes)) as unknown as Record<string, Record<string, unknown>[]>;
        assert.deepEqual(other['errors'], []);
        const otherSections = [other['answers'] ?? [], other['authorities'] ?? [], other['additionals'] ?? []];
        [answer, authority, additional].forEach((records, section) => {
          records.forEach((each, index) => {
            const found = otherSections[section]?.[index] ?? {};
            assert.equal(same(String(found['name'])), same(each.owner));
            for (const [field, value] of Object.entries(each.data.dns2)) {
              assert.equal(same(String(found[field])), same(String(value)), `${each.data.type} ${field}`);
            }
          });
        });
      }),
      { numRuns: 500 },
    );
  });
});
