import { z } from 'zod';

/** What an operator says of a site. */
export interface SiteRequest {
  readonly change: { readonly drained?: boolean; readonly forced?: 'up' | 'down' | null };
  readonly reason: string;
  /** The token's name. */
  readonly author: string;
}

export interface SplitRequest {
  /** By part: "1%", "500bps" or basis points. */
  readonly weights: Readonly<Record<string, string | number>>;
  readonly reason: string;
  readonly dryRun: boolean;
  readonly author: string;
}

const maxReasonLength = 1_000;
const maxNameLength = 1_024;

const reason = z.string().max(maxReasonLength).optional();

export const siteBody = z.strictObject({ reason });

export const forceBody = z.strictObject({
  health: z.enum(['up', 'down']).nullable().meta({ description: 'Null: what the probes say' }),
  reason,
});

export const splitBody = z.strictObject({
  weights: z.record(z.string(), z.union([z.string(), z.int().min(0).max(10_000)])).meta({
    description: 'By part, "1%", "500bps" or basis points; parts that are not named get 0',
    examples: [{ gateway: '1%', bypass: '99%' }],
  }),
  reason,
  dryRun: z.boolean().default(false).meta({ description: 'Foretells, and changes nothing' }),
});

const text = z.string().min(1).max(maxNameLength);

export const traceQuery = z.strictObject({
  name: text.meta({ description: 'The name that is asked for, absolute' }),
  type: text.optional().meta({ description: 'A record type; A when absent' }),
  subnet: text.optional().meta({ description: 'Who asks: an address or a network; 127.0.0.1 when absent' }),
  device: z
    .string()
    .min(1)
    .max(65_535)
    .optional()
    .meta({ description: 'The key of a device: its own name in the zone of `name` is asked for' }),
  weights: text.optional().meta({ description: 'What these would do to the split: gateway=5%,bypass=95%' }),
});

export const nameParameters = z.strictObject({ name: text });
