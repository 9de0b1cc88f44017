import { z } from 'zod';
import { bindAddress, cidrBlock, domainName, filePath, nameText, servedAddress, wholeNumber } from './words.ts';

const ttlSeconds = wholeNumber(0, 2_147_483_647).default(30).describe('Seconds');

const cookieSecret = z.string().refine((text) => /^[0-9a-f]{32}$/i.test(text), { error: '32 hex digits' });

const ownerName = z.string().refine((owner) => /^(@|\*|(\*\.)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*)$/.test(owner), {
  error: 'an owner name relative to the zone: "@", a label, or "*.label"',
});

const addressesSchema = z.strictObject({ addresses: z.array(servedAddress).min(1) });
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
  dnssec: z
    .exactOptional(z.strictObject({ keys: z.array(filePath).min(1) }))
    .describe('Files of private keys, ECDSA P-256: PKCS#8 in PEM, or BIND’s .private with its .key beside it'),
  steering: z.array(z.discriminatedUnion('by', [splitSteeringSchema, cohortSteeringSchema])).default([]),
});

export const nameserverSchema = z
  .strictObject({
    bind: z.array(bindAddress).min(1),
    zones: z.array(zoneSchema).min(1),
    resolvers: z
      .array(bindAddress)
      .default([])
      .describe("Recursive resolvers that aliases are asked of; none: the system's"),
    unlimited: z.array(cidrBlock).default([]).describe('Networks that the response rate limiter lets pass'),
    cookieSecrets: z
      .array(cookieSecret)
      .default([])
      .describe('Of DNS cookies, the same on every gateway: the first makes them, all are taken; none: made at start'),
    nsid: z
      .exactOptional(z.string().refine((text) => Buffer.byteLength(text) <= 128, { error: 'at most 128 octets' }))
      .describe('What NSID is answered with; absent: the host name; empty: nothing'),
  })
  .describe('The authoritative nameserver');
