import { z } from 'zod';
import { filePath } from './words.ts';

export const storeSchema = z
  .strictObject({
    kind: z.literal('sqlite').default('sqlite'),
    path: filePath.default('var/crossfade.db'),
    create: z.boolean().default(true).describe('false: refuse to start without a store'),
  })
  .describe('Where the revisions of the plan are kept');
