import { z } from 'zod';
import { type LimitName, limitDefaults } from '../limits.ts';
import { wholeNumber } from './words.ts';

/** What a timer can wait for: longer ones would fire at once. */
const largestLimit = 2_147_483_647;

const limitNames = Object.keys(limitDefaults) as readonly LimitName[];

export const limitsSchema = z
  .strictObject(
    Object.fromEntries(
      limitNames.map((name) => [name, wholeNumber(1, largestLimit).default(limitDefaults[name])]),
    ) as Record<LimitName, z.ZodDefault<z.ZodInt>>,
  )
  .describe('Bounds; see docs/limits.md');
