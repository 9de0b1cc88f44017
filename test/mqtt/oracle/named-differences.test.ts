import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import type { ProtocolVersion } from '../../../src/mqtt/control-packet.ts';
import { decodeDisconnect } from '../../../src/mqtt/disconnect-packet.ts';
import { mutate, randomOf } from '../mutation.ts';
import { versions } from '../packet-arbitraries.ts';
import { type Codec, codecs } from '../packet-codecs.ts';
import { formOfOracle, formOfOurs } from './common-form.ts';
import { type NamedDifference, namedDifferences } from './named-differences.ts';
import { askOracle } from './oracle-verdict.ts';

type Disagreement = Pick<NamedDifference, 'kind'> & { readonly said: string };

/** How the two judge these bytes differently; undefined when they agree. */
function disagreementOn(codec: Codec<unknown>, protocol: ProtocolVersion, bytes: Buffer): Disagreement | undefined {
  const ours = codec.decode(protocol, bytes);
  const oracle = askOracle(protocol, bytes);
  if (!ours.ok) return oracle.ok ? { kind: 'refused', said: ours.error.message } : undefined;
  if (!oracle.ok) return { kind: 'accepted', said: oracle.message };
  const isSame = isDeepStrictEqual(formOfOurs(codec.name, ours.value), formOfOracle(oracle.packet));
  return isSame ? undefined : { kind: 'read-otherwise', said: codec.name };
}

function isNamed(difference: NamedDifference, protocol: ProtocolVersion, { kind, said }: Disagreement): boolean {
  return difference.kind === kind && difference.protocols.includes(protocol) && difference.says.test(said);
}

function codecOf(bytes: Buffer): Codec<unknown> {
  const codec = codecs.find(({ types }) => types.includes((bytes[0] ?? 0) >> 4));
  return codec ?? assert.fail(`no codec for ${bytes.toString('hex')}`);
}

const ofServer: Codec<unknown> = {
  ...codecOf(Buffer.from([0xe0])),
  decode: (protocol, packet) => decodeDisconnect(packet, protocol, 'server'),
};

describe('a deliberate difference from mqtt-packet', () => {
  for (const difference of namedDifferences) {
    it(`${difference.kind}: ${difference.name} (${difference.clause})`, () => {
      const bytes = Buffer.from(difference.example.replaceAll(' ', ''), 'hex');
      const codec = difference.sender === 'server' ? ofServer : codecOf(bytes);
      const protocol = difference.protocols[0] ?? '5';
      const disagreement = disagreementOn(codec, protocol, bytes);
      assert.ok(disagreement !== undefined, 'the two agree: the difference is none any more');
      assert.ok(isNamed(difference, protocol, disagreement), JSON.stringify(disagreement));
    });
  }
});

describe('mutated packets, beside mqtt-packet', () => {
  for (const codec of codecs) {
    for (const protocol of versions) {
      it(`shows no other difference in ${codec.name} of ${protocol}`, () => {
        fc.assert(
          fc.property(codec.any(protocol), fc.integer(), (value, seed) => {
            const random = randomOf(seed);
            const packet = codec.encode(protocol, value);
            for (let left = 5; left > 0; left -= 1) {
              const bytes = mutate(packet, random);
              if (!codec.types.includes((bytes[0] ?? 0) >> 4)) continue;
              const disagreement = disagreementOn(codec, protocol, bytes);
              const isKnown =
                disagreement === undefined ||
                namedDifferences.some((difference) => isNamed(difference, protocol, disagreement));
              assert.ok(isKnown, `${JSON.stringify(disagreement)}: ${bytes.toString('hex')}`);
            }
          }),
          { numRuns: 300 },
        );
      });
    }
  }
});
