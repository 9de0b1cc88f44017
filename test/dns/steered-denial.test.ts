import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, test } from 'node:test';
import { parseSigningKey } from '../../src/config/signing-key-file.ts';
import type { Answer } from '../../src/dns/answer.ts';
import { keyRecords } from '../../src/dns/dnssec-key.ts';
import { parseMasterFile } from '../../src/dns/master-file.ts';
import { renderRdata } from '../../src/dns/rdata/rdata-text.ts';
import { parseType, recordType } from '../../src/dns/record-type.ts';
import { createSteering } from '../../src/dns/steering.ts';
import type { SteeringRule } from '../../src/dns/steering-rule.ts';
import { nameKey } from '../../src/dns/wire-name.ts';
import { createZone } from '../../src/dns/zone.ts';
import { createZoneAnswers } from '../../src/dns/zone-answers.ts';
import { ZoneSigner } from '../../src/dns/zone-signer.ts';
import { deviceLabels } from '../../src/plan/device-label.ts';
import { nameOf } from './query-bytes.ts';
import { frontDoor, network, ownNames, sampleFacts } from './steering-world.ts';

const rules: readonly SteeringRule[] = [frontDoor, ownNames];
const origin = nameOf('example.net.');
const text = '$TTL 300\n@ SOA ns h 1 1 1 1 300\n@ NS ns\nns A 192.0.2.1\n';

/** The NSEC types and the TTLs of SOA and NSEC that a question is denied with, by the network of a part. */
function denialOf(name: string, type: string, part: 'gateway' | 'bypass' | 'direct' = 'direct') {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = parseSigningKey({ privateText: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() });
  const parsed = parseMasterFile({ file: 'zone', text, origin });
  assert.ok(key.ok && parsed.ok);
  const keys = [key.value];
  const created = createZone({
    origin,
    records: [...parsed.value, ...keyRecords(origin, keys, { records: parsed.value, ttl: 300 })],
    steered: [origin, nameOf('*.d.example.net.')],
  });
  assert.ok(created.ok);
  const { zone } = created.value;
  const weights = { gateway: 0, bypass: 0, direct: 0, [part]: 10_000 };
  const facts = sampleFacts({ aliases: {}, plan: { splits: [{ name: 'front-door', weights }] } });
  const steerings = rules.map((rule) => createSteering(rule, facts));
  const signer = new ZoneSigner(zone, { keys, budget: { take: () => true } });
  const source = createZoneAnswers([{ zone, steerings, signer }]);
  const wire = nameOf(name);
  const asked = { name: wire, key: nameKey(wire), type: parseType(type) ?? -1, isDnssecOk: true, isCompactOk: false };
  const resolution = source.resolve(asked, Date.UTC(2026, 10, 23));
  if (resolution.kind === 'fixed') return summary(resolution.answer);
  return summary(resolution.choices.answerFor(resolution.choices.choose(network('1.2.0.0/16')), 0));
}

function summary({ answer, authority }: Answer) {
  const soa = authority.find(({ type }) => type === recordType.SOA);
  const nsec = [...answer, ...authority].find(({ type }) => type === recordType.NSEC);
  const types = renderRdata(recordType.NSEC, nsec?.rdatas[0] ?? assert.fail('no NSEC')).split(' ');
  return { types: types.slice(1).join(' '), soa: soa?.ttl, nsec: nsec?.ttl };
}

describe('the denial of a type at a steered name', () => {
  const apex = 'NS SOA RRSIG NSEC DNSKEY CDS CDNSKEY';
  test('does not deny addresses, although its alias was never resolved (RFC 8198)', () => {
    assert.deepEqual(denialOf('example.net.', 'SRV'), {
      types: `A ${apex.replace('RRSIG', 'AAAA RRSIG')}`,
      soa: 300,
      nsec: 300,
    });
    assert.deepEqual(denialOf('meter.d.example.net.', 'TXT'), { types: 'A AAAA RRSIG NSEC', soa: 300, nsec: 300 });
  });

  test('of addresses stands for as long as the addresses would', () => {
    assert.deepEqual(denialOf('example.net.', 'AAAA', 'bypass'), { types: `A ${apex}`, soa: 30, nsec: 30 });
  });

  test('of NSEC itself has the same types', () => {
    assert.match(denialOf('example.net.', 'NSEC').types, /^A NS SOA AAAA /);
  });

  test('of a name above devices says that it is there', () => {
    const [, end] = deviceLabels('m'.repeat(100).toUpperCase());
    assert.ok(end !== undefined);
    const above = `${'0'.repeat(63)}.${end}.d.example.net.`;
    assert.deepEqual(denialOf(above, 'A'), { types: 'RRSIG NSEC', soa: 300, nsec: 300 });
    assert.match(denialOf('no.device.d.example.net.', 'A').types, /NXNAME/);
  });
});
