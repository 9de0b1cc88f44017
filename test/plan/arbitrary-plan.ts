import fc from 'fast-check';
import { type CertificateIdentity, type DeviceIdentity, identityNames } from '../../src/plan/device-key.ts';
import type { Cohort, CohortMatch, Override, Plan } from '../../src/plan/plan.ts';
import { sampleBrokers } from './sample-plan.ts';

/** Few values, so that devices and plans meet often. */
const words = fc.constantFrom('a', 'ab', 'abc', 'b', 'ba', 'gen1-7', 'söner', 'x|y');
const brokers = fc.constantFrom(...sampleBrokers);
export const weights = fc.oneof(fc.integer({ min: 0, max: 10_000 }), fc.constantFrom(0, 1, 9_999, 10_000));

function optional<Shape extends Record<string, unknown>>(model: { [Key in keyof Shape]: fc.Arbitrary<Shape[Key]> }) {
  return fc.record(model, { requiredKeys: [] });
}

const certificates: fc.Arbitrary<CertificateIdentity> = optional({
  commonName: words,
  fingerprint: words,
  serialNumber: words,
  organizationalUnits: fc.array(words, { maxLength: 2 }),
  issuerCommonName: words,
});

export const devices: fc.Arbitrary<DeviceIdentity> = optional({
  certificate: certificates,
  clientId: fc.oneof(words, fc.constant('')),
  username: words,
});

const hashRanges = fc
  .tuple(fc.integer({ min: 0, max: 9_999 }), fc.integer({ min: 1, max: 10_000 }))
  .filter(([from, to]) => from < to)
  .map(([from, to]) => ({ from, to }));

const matches: fc.Arbitrary<CohortMatch> = fc.oneof(
  fc.constant({ all: true } as const),
  optional({
    clientIds: fc.array(words, { maxLength: 3 }),
    clientIdPrefix: words,
    certificate: optional({ organizationalUnit: words, issuerCommonName: words, commonNamePrefix: words }).filter(
      (fields) => Object.keys(fields).length > 0,
    ),
    hash: hashRanges,
  }).filter((match) => Object.keys(match).length > 0),
);

const cohorts: fc.Arbitrary<readonly Cohort[]> = fc.uniqueArray(
  fc.record({
    name: fc.constantFrom('everyone', 'canary', 'wave 1', 'söner'),
    match: matches,
    source: brokers,
    target: brokers,
    weightBps: weights,
    announce: fc.constantFrom('source', 'common'),
  }),
  { maxLength: 4, selector: ({ name }) => name },
);

const overrides: fc.Arbitrary<readonly Override[]> = fc.uniqueArray(
  fc.record({ kind: fc.constantFrom('cn', 'clientid', 'username'), key: words, broker: brokers }),
  { maxLength: 3, selector: ({ kind, key }) => `${kind} ${key}` },
);

const splits = fc.uniqueArray(
  fc.record({
    name: fc.constantFrom('front-door', 'back-door'),
    weights: fc.integer({ min: 0, max: 10_000 }).map((gateway) => ({ gateway, bypass: 10_000 - gateway })),
  }),
  { maxLength: 2, selector: ({ name }) => name },
);

/** Plain objects, as a parser makes them. */
export const plans: fc.Arbitrary<Plan> = fc
  .record({
    default: brokers,
    salt: fc.constantFrom('', 'demo', '2026-fleet'),
    identity: fc.subarray([...identityNames], { minLength: 1 }),
    overrides,
    cohorts,
    splits,
  })
  .map((plan) => structuredClone(plan));
