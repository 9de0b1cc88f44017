import { generateKeyPairSync } from 'node:crypto';
import { parseSigningKey } from '../../src/config/signing-key-file.ts';
import type { AnswerSource } from '../../src/dns/answer-source.ts';
import { createServerCookies } from '../../src/dns/cookie.ts';
import { createResponder, type Responder } from '../../src/dns/responder.ts';
import { createResponseRate } from '../../src/dns/response-rate.ts';
import { createSignatureBudget } from '../../src/dns/signature-budget.ts';
import { createSteering } from '../../src/dns/steering.ts';
import type { SteeringRule } from '../../src/dns/steering-rule.ts';
import { createZoneAnswers } from '../../src/dns/zone-answers.ts';
import { type CompiledZone, compileZone } from '../../src/dns/zone-compiling.ts';
import { ZoneSigner } from '../../src/dns/zone-signer.ts';
import { sampleFacts } from '../../test/dns/steering-world.ts';

const rules: readonly SteeringRule[] = [
  {
    owner: 'front',
    by: 'split',
    ttl: 30,
    split: 'front-door',
    parts: { all: { sites: 'all', allDown: 'answer-all' } },
  },
  {
    owner: '*.d',
    by: 'cohort',
    ttl: 30,
    label: 'clientid',
    source: { addresses: ['192.0.2.1'] },
    target: { addresses: ['192.0.2.2', '2001:db8::2'] },
  },
];

const counted = (count: number, line: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => line(index)).join('\n');

const zoneText = `$TTL 300
@ SOA ns1 hostmaster 1 3600 600 86400 60
@ NS ns1
ns1 A 192.0.2.9
www A 192.0.2.3
${counted(60, (index) => `big TXT "${'x'.repeat(250)}${index}"`)}
${counted(20, (index) => `many TYPE${65_280 + index} \\# 2 0001`)}
${counted(19, (index) => `c${index} CNAME c${index + 1}`)}
c19 A 192.0.2.4
*.w A 192.0.2.5
${counted(4, (index) => `*.mx MX 10 h${index}`)}
dn DNAME www
sub NS ns.sub
ns.sub A 192.0.2.6
${counted(20_000, (index) => `h${index} A 198.51.${(index >> 8) & 0xff}.${index & 0xff}`)}
${counted(2_000, (index) => `m${index} MX 10 h${2 * index}\nm${index} MX 20 h${2 * index + 1}\nm${index} MX 30 h${index + 5_000}`)}
`;

export interface HostileWorld {
  readonly respond: Responder;
  readonly source: AnswerSource;
}

/** A signed zone with everything in it that makes answers dear, and a responder that has seen nothing yet. */
export function createHostileWorld(signaturesPerSecond: number): HostileWorld {
  const { zone, keys } = compiledZone;
  const facts = sampleFacts();
  const budget = createSignatureBudget(signaturesPerSecond);
  const source = createZoneAnswers([
    {
      zone,
      steerings: rules.map((rule) => createSteering(rule, facts)),
      signer: new ZoneSigner(zone, { keys, budget }),
    },
  ]);
  const respond = createResponder({
    cookies: createServerCookies([Buffer.alloc(16, 1), Buffer.alloc(16, 2), Buffer.alloc(16, 3)]),
    rate: createResponseRate({ seed: 1 }),
    nsid: Buffer.alloc(128),
  });
  return { respond, source };
}

const compiledZone = compile();

function compile(): CompiledZone {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = parseSigningKey({ privateText: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() });
  if (!key.ok) throw new Error(key.error);
  const readInclude = () => ({ ok: false, error: 'no file is included' }) as const;
  const compiled = compileZone({
    origin: 'h.test',
    file: 'zone',
    text: zoneText,
    rules,
    keys: [key.value],
    readInclude,
  });
  if (!compiled.ok) throw new Error(compiled.error.join('\n'));
  return compiled.value;
}
