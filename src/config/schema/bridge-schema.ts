import { z } from 'zod';
import { certificateFilesSchema } from './listener-schema.ts';
import { bindAddress, filePath, nameText, nonEmptyText, wholeNumber } from './words.ts';

export const topicFilter = z.string().refine(isTopicFilter, {
  error: 'an MQTT topic filter (+ and # as whole levels, # only as the last)',
});

const topicPrefix = z
  .string()
  .refine((prefix) => prefix === '' || /^[^+#\0]*\/$/.test(prefix), {
    error: 'levels of a topic that end in a slash, without + and #',
  })
  .default('');

const ruleSchema = z.strictObject({
  name: nameText,
  from: nameText.describe('A broker'),
  to: nameText.describe('Another broker'),
  filter: topicFilter,
  stripPrefix: topicPrefix.describe('Taken off the topic; the filter begins with it'),
  addPrefix: topicPrefix.describe('Put in front of the topic'),
  qos: z.literal([0, 1, 2]).default(1).describe('The most that is asked for at the source; 2 is published as 1'),
  share: z.exactOptional(nameText).describe('Join $share/NAME'),
  members: wholeNumber(0, 1_000).default(1).describe('Of the share group, until `bridge scale` says another number'),
  partitions: wholeNumber(1, 100)
    .default(1)
    .describe('Parts of the keys that the processes of the bridge divide; each is subscribed to the whole filter'),
  order: z
    .literal('parallel')
    .or(z.strictObject({ keyLevel: wholeNumber(1, 128) }))
    .default('parallel')
    .describe('In order per value of a topic level, or in no order'),
  lanes: z.literal('auto').or(wholeNumber(1, 100)).default('auto').describe('Connections to the target'),
  retained: z.enum(['never', 'asIs', 'seed']).default('never'),
  undeliverable: z.enum(['deadLetter', 'drop']).default('deadLetter').describe('What the target cannot take'),
});

const connectionSchema = z.strictObject({
  username: z.exactOptional(nonEmptyText),
  password: z.exactOptional(nonEmptyText),
  certificate: z.exactOptional(certificateFilesSchema).describe('Absent: cert and key of the identity of the broker'),
  version: z
    .exactOptional(z.literal(['3.1', '3.1.1', '5', 3.1, 5]).transform((version) => `${version}` as const))
    .describe('Absent: the highest of the versions of the broker'),
});

export const bridgeSchema = z
  .strictObject({
    rules: z.array(ruleSchema).default([]),
    name: nameText.default('crossfade-bridge').describe('Begins its client IDs: another one for every bridge'),
    directory: filePath.default('var/bridge').describe('Of all processes of this bridge: spools, dead letters, locks'),
    runs: z
      .enum(['gateway', 'alone'])
      .default('gateway')
      .describe('Whether `crossfade run` runs the rules, or only `crossfade bridge run`'),
    connections: z.record(nameText, connectionSchema).default({}).describe('How it comes in, by broker'),
    loopGuard: z
      .enum(['marks', 'fingerprints'])
      .default('marks')
      .describe('Whether rules may come round over brokers that show no marks'),
    ackTimeoutMs: wholeNumber(1_000, 600_000).default(20_000),
    spool: z
      .strictObject({
        maxBytes: wholeNumber(1_048_576, 1_099_511_627_776).default(1_073_741_824).describe('Of each rule'),
        maxAgeSeconds: wholeNumber(60, 31_536_000).default(86_400),
        afterMs: wholeNumber(10, 60_000).default(500),
      })
      .prefault({}),
    deadLetters: z
      .strictObject({ maxBytes: wholeNumber(67_108_864, 1_099_511_627_776).default(268_435_456) })
      .prefault({}),
    breaker: z
      .strictObject({
        repeats: wholeNumber(0, 1_000_000).default(200).describe('0: no breaker'),
        windowMs: wholeNumber(1_000, 600_000).default(10_000),
      })
      .prefault({}),
    admin: z.exactOptional(bindAddress).describe('Where `bridge run` has its admin API and /metrics'),
  })
  .describe('The republish layer');

/** MQTT 5 section 4.7.1. */
function isTopicFilter(filter: string): boolean {
  if (filter === '' || filter.includes('\0') || Buffer.byteLength(filter) > 65_535) return false;
  const levels = filter.split('/');
  return levels.every((level, index) =>
    level.includes('#') ? level === '#' && index === levels.length - 1 : !level.includes('+') || level === '+',
  );
}
