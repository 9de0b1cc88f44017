import { z } from 'zod';
import { adminSchema } from './admin-schema.ts';
import { awsSchema } from './aws-schema.ts';
import { bridgeSchema } from './bridge-schema.ts';
import { brokersSchema } from './broker-schema.ts';
import { fleetSchema } from './fleet-schema.ts';
import { handoverSchema } from './handover-schema.ts';
import { limitsSchema } from './limits-schema.ts';
import { listenersSchema } from './listener-schema.ts';
import { nameserverSchema } from './nameserver-schema.ts';
import { planSchema } from './plan-schema.ts';
import { servicesSchema } from './service-schema.ts';
import { sitesSchema } from './site-schema.ts';
import { storeSchema } from './store-schema.ts';
import { wholeNumber } from './words.ts';

/** The whole file as written; its output has every default filled in, paths still as written. */
export const configurationSchema = z.strictObject({
  version: z.literal(1),
  fleet: fleetSchema,
  listeners: listenersSchema,
  brokers: brokersSchema,
  plan: planSchema,
  store: storeSchema.prefault({}),
  nameserver: z.exactOptional(nameserverSchema),
  sites: sitesSchema.default([]),
  admin: adminSchema,
  handover: handoverSchema.prefault({}),
  limits: limitsSchema.prefault({}),
  bridge: bridgeSchema.prefault({}),
  services: servicesSchema.default([]),
  aws: z.exactOptional(awsSchema),
  workers: z.literal('auto').or(wholeNumber(1, 1_024)).default(1).describe('Worker processes; auto: one per core'),
  log: z
    .strictObject({ level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info') })
    .prefault({}),
});

export type ParsedConfiguration = z.output<typeof configurationSchema>;
