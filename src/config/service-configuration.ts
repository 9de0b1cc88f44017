import type { z } from 'zod';
import type { servicesSchema } from './schema/service-schema.ts';

/** A backend that moves, as written, defaults filled in. */
export type ServiceConfiguration = z.output<typeof servicesSchema>[number];
