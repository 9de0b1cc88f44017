import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseSigningKey } from '../../../src/config/signing-key-file.ts';
import type { AnswerSource } from '../../../src/dns/answer-source.ts';
import { keyFlags, keyRecords, type ZoneKey } from '../../../src/dns/dnssec-key.ts';
import { parseMasterFile, renderMistake } from '../../../src/dns/master-file.ts';
import { createSteering } from '../../../src/dns/steering.ts';
import type { SteeringRule } from '../../../src/dns/steering-rule.ts';
import { createZone } from '../../../src/dns/zone.ts';
import { createZoneAnswers } from '../../../src/dns/zone-answers.ts';
import { ZoneSigner } from '../../../src/dns/zone-signer.ts';
import { nameOf } from '../../dns/query-bytes.ts';
import { sampleFacts } from '../../dns/steering-world.ts';

export const signedOrigin = 'signed.test.';

/** A new key with the flags of the entry point, or of a key for data alone. */
export function createZoneKey(flags: number = keyFlags.entryPoint): ZoneKey {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = parseSigningKey({ privateText: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() });
  if (!key.ok) throw new Error(key.error);
  return { ...key.value, flags };
}

/** signed.test with these keys published, its answers signed by `signers` (default: the same keys), and steered names. */
export function signedSource(keys: readonly ZoneKey[], signers = keys): AnswerSource {
  const origin = nameOf(signedOrigin);
  const file = join(import.meta.dirname, 'zones', 'signed.test.zone');
  const records = parseMasterFile({ file, text: readFileSync(file, 'utf8'), origin });
  if (!records.ok) throw new Error(records.error.map(renderMistake).join('\n'));
  const zone = createZone({
    origin,
    records: [...records.value, ...keyRecords(origin, keys, { records: records.value, ttl: 300 })],
    steered: steered.map(({ owner }) => nameOf(`${owner}.${signedOrigin}`)),
  });
  if (!zone.ok) throw new Error(zone.error.map(renderMistake).join('\n'));
  const signer = new ZoneSigner(zone.value.zone, { keys: signers, budget: { take: () => true } });
  const facts = sampleFacts();
  const steerings = steered.map((rule) => createSteering(rule, facts));
  return createZoneAnswers([{ zone: zone.value.zone, steerings, signer }]);
}

const steered: readonly SteeringRule[] = [
  {
    owner: 'front',
    by: 'split',
    ttl: 30,
    split: 'front-door',
    parts: {
      gateway: { sites: 'all', allDown: 'bypass' },
      bypass: { addresses: ['192.0.2.1'] },
    },
  },
  {
    owner: '*.d',
    by: 'cohort',
    ttl: 30,
    label: 'clientid',
    source: { addresses: ['192.0.2.1', '2001:db8::1'] },
    target: { addresses: ['198.51.100.1'] },
  },
];
