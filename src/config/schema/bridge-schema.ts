import { z } from 'zod';
import { nameText, wholeNumber } from './words.ts';

const topicFilter = z.string().refine(isTopicFilter, {
  error: 'an MQTT topic filter (+ and # as whole levels, # only as the last)',
});

const ruleSchema = z.strictObject({
  name: nameText,
  from: nameText.describe('A broker'),
  to: nameText.describe('Another broker'),
  filter: topicFilter,
  qos: z.literal([0, 1, 2]).default(1),
  share: z.exactOptional(nameText).describe('Join $share/NAME'),
  members: wholeNumber(1, 1_000).default(1),
  order: z
    .literal('parallel')
    .or(z.strictObject({ keyLevel: wholeNumber(1, 128) }))
    .default('parallel')
    .describe('In order per value of a topic level, or in no order'),
  retained: z.enum(['never', 'asIs', 'seed']).default('never'),
});

export const bridgeSchema = z
  .strictObject({ rules: z.array(ruleSchema).default([]) })
  .describe('The republish layer; not served by this version');

/** MQTT 5 section 4.7.1. */
function isTopicFilter(filter: string): boolean {
  if (filter === '' || filter.includes('\0') || Buffer.byteLength(filter) > 65_535) return false;
  const levels = filter.split('/');
  return levels.every((level, index) =>
    level.includes('#') ? level === '#' && index === levels.length - 1 : !level.includes('+') || level === '+',
  );
}
