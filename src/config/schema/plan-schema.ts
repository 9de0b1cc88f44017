import { z } from 'zod';
import { filePath, nameText, nonEmptyText, numberBetween, wholeNumber } from './words.ts';

const certificateMatchSchema = z
  .strictObject({
    organizationalUnit: z.exactOptional(nonEmptyText),
    issuerCommonName: z.exactOptional(nonEmptyText),
    commonNamePrefix: z.exactOptional(nonEmptyText),
  })
  .describe('All that are given must match');

const matchSchema = z
  .strictObject({
    all: z.exactOptional(z.literal(true)),
    clientIds: z.exactOptional(z.array(nonEmptyText).min(1)),
    clientIdsFile: z.exactOptional(filePath).describe('A file of client IDs, one a line'),
    clientIdPrefix: z.exactOptional(nonEmptyText),
    certificate: z.exactOptional(certificateMatchSchema),
    hash: z.exactOptional(z.strictObject({ from: numberBetween(0, 10_000), to: numberBetween(0, 10_000) })),
  })
  .describe('Fields combine with AND; at least one is given');

const cohortSchema = z.strictObject({
  name: nameText,
  match: matchSchema,
  source: nameText.describe('A broker'),
  target: nameText.describe('A broker'),
  weightBps: wholeNumber(0, 10_000).default(0).describe('Hundredths of a per cent of the cohort that go to the target'),
  announce: z
    .enum(['source', 'common'])
    .default('source')
    .describe('What MQTT 5 devices are told at CONNACK: what the source can, or the least of both'),
});

const overrideSchema = z.strictObject({
  kind: z.enum(['cn', 'fingerprint', 'serial', 'clientid', 'username']),
  key: nonEmptyText,
  broker: nameText,
});

const splitSchema = z.strictObject({
  name: nameText,
  weights: z.record(nameText, wholeNumber(0, 10_000)).describe('Basis points per part; their sum is 10000'),
});

export const planSchema = z
  .strictObject({
    default: nameText.describe('The broker of devices that no cohort takes'),
    overrides: z.array(overrideSchema).default([]),
    cohorts: z.array(cohortSchema).default([]).describe('In order; the first that matches decides'),
    splits: z.array(splitSchema).default([]),
  })
  .describe('Who goes where: revision 1 of a new store');
