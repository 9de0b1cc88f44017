import { z } from 'zod';
import { bindAddress, domainName, filePath, ipAddress, nameText, wholeNumber } from './words.ts';

const ttlSeconds = wholeNumber(0, 2_147_483_647).default(30).describe('Seconds');

const ownerName = z.string().refine((owner) => /^(@|\*|(\*\.)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*)$/.test(owner), {
  error: 'an owner name relative to the zone: "@", a label, or "*.label"',
});

const addressesSchema = z.strictObject({ addresses: z.array(ipAddress).min(1) });
const aliasSchema = z.strictObject({ alias: domainName });
const targetSchema = z.union([addressesSchema, aliasSchema]);
const sitesSchema = z.strictObject({
  sites: z.literal('all').or(z.array(nameText).min(1)),
  allDown: z.enum(['bypass', 'answer-all']).default('bypass'),
});

const splitSteeringSchema = z.strictObject({
  owner: ownerName,
  by: z.literal('split'),
  ttl: ttlSeconds,
  split: nameText.describe('The split of the plan that has the weights'),
  parts: z.record(nameText, z.union([sitesSchema, addressesSchema, aliasSchema])),
});

const cohortSteeringSchema = z.strictObject({
  owner: ownerName,
  by: z.literal('cohort'),
  ttl: ttlSeconds,
  label: z.enum(['cn', 'fingerprint', 'serial', 'clientid', 'username']),
  source: targetSchema,
  target: targetSchema,
});

const zoneSchema = z.strictObject({
  origin: domainName,
  file: filePath.describe('RFC 1035 master file'),
  steering: z.array(z.discriminatedUnion('by', [splitSteeringSchema, cohortSteeringSchema])).default([]),
});

export const nameserverSchema = z
  .strictObject({ bind: z.array(bindAddress).min(1), zones: z.array(zoneSchema).min(1) })
  .describe('The authoritative nameserver; not served by this version');
