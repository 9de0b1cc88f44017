import { z } from 'zod';

/** Devices of one call, at most. */
export const importedDevices = 1_000;
/** Filters of one device in a call, at most: as many as the gateway remembers of a session. */
export const importedFilters = 10_000;

/** The body of `POST /v1/subscriptions`. */
export interface SubscriptionImportBody {
  /** The same for all calls of one import: what they say of a device adds up. Another import replaces it. */
  readonly importId: string;
  readonly devices: readonly SubscribedDevice[];
}

export interface SubscribedDevice {
  readonly clientId: string;
  readonly subscriptions: readonly { readonly filter: string; readonly qos: number }[];
  /** False: not all of its rows could be read, so it is not known what it is subscribed to. True when absent. */
  readonly isComplete?: boolean;
}

/** The answer to `POST /v1/subscriptions`. */
export interface SubscriptionImportDocument {
  /** Devices that the import had not brought before this call. */
  readonly devices: number;
  readonly filters: number;
  /** Devices left as they are: the gateway saw all of their subscriptions itself. */
  readonly alreadyKnown: number;
  /** A device with one of these stays unknown until an import brings all of it. */
  readonly rejected: readonly RejectedSubscription[];
}

export interface RejectedSubscription {
  readonly clientId: string;
  /** Null: the whole device. */
  readonly filter: string | null;
  readonly reason: string;
}

/** Loose where a row can be wrong: one of them must not stop the others. */
export const subscriptionImportBody = z.strictObject({
  importId: z.string().min(1).max(64).meta({ description: 'The same for all calls of one import' }),
  devices: z
    .array(
      z.strictObject({
        clientId: z.string(),
        subscriptions: z.array(z.strictObject({ filter: z.string(), qos: z.number() })).max(importedFilters),
        isComplete: z.boolean().default(true),
      }),
    )
    .max(importedDevices),
});

export const subscriptionImportDocument = z.object({
  devices: z.int().min(0),
  filters: z.int().min(0),
  alreadyKnown: z.int().min(0),
  rejected: z.array(z.object({ clientId: z.string(), filter: z.string().nullable(), reason: z.string() })),
}) satisfies z.ZodType<SubscriptionImportDocument>;
