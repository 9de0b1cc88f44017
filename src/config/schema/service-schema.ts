import { z } from 'zod';
import { topicNameFault } from '../../mqtt/topic.ts';
import { topicFilter } from './bridge-schema.ts';
import { nameText } from './words.ts';

const probeTopic = z
  .string()
  .refine((topic) => topicNameFault(topic) === undefined && Buffer.byteLength(topic) <= 65_535, {
    error: 'an MQTT topic name, without + and #',
  });

export const servicesSchema = z
  .array(
    z.strictObject({
      name: nameText,
      rule: nameText.describe('The rule of the bridge that joins its share group'),
      instances: z.array(nameText).min(1).max(1_000).describe('Those that stand at the source; names of your own'),
      filters: z.array(topicFilter).max(1_000).default([]).describe('What it consumes besides the filter of the rule'),
      publishes: z.array(topicFilter).max(1_000).default([]),
      returns: z.exactOptional(nameText).describe('The rule that carries its answers back'),
      probeTopic: z
        .exactOptional(probeTopic)
        .describe('In the range of the filter; absent: the filter with crossfade-probe for its wildcards'),
    }),
  )
  .describe('Backends that move to the target by way of the bridge, one instance at a time');
