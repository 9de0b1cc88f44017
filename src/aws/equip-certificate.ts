import type { DeviceRegistry } from './device-registry.ts';
import { IotFailure, isIotFailure } from './iot-failure.ts';
import type { ThingIdentity } from './thing-name.ts';

/** What every device of a fleet gets beside its certificate. */
export interface EquipmentTerms {
  /** A policy of the account; its variables stand for the device. */
  readonly policyName: string;
  /** Absent: things without a type. */
  readonly thingTypeName?: string;
}

/**
 * Gives a certificate its thing, the exclusive association with it, and its policy. Each step may be repeated, so that a
 * caller that was ended in between finishes by calling again. Rejects with an `IotFailure`.
 */
export async function equipCertificate(
  registry: DeviceRegistry,
  { arn, thing }: { readonly arn: string; readonly thing: ThingIdentity },
  { policyName, thingTypeName }: EquipmentTerms,
): Promise<void> {
  await createThing(registry, { ...thing, ...(thingTypeName === undefined ? {} : { thingTypeName }) });
  await attachExclusively(registry, thing.thingName, arn);
  await registry.attachPolicy(policyName, arn);
}

/** A thing that an operator made, or changed since, stays as it is. */
async function createThing(
  registry: DeviceRegistry,
  thing: ThingIdentity & { readonly thingTypeName?: string },
): Promise<void> {
  try {
    await registry.createThing(thing);
  } catch (error) {
    if (!isIotFailure(error, 'already-exists')) throw error;
  }
}

/** JITP associates without exclusiveness; that is put right. Another device's thing is not taken away from it. */
async function attachExclusively(registry: DeviceRegistry, thingName: string, arn: string): Promise<void> {
  try {
    await registry.attachThing(thingName, arn);
  } catch (error) {
    if (!isIotFailure(error, 'invalid', 'conflict', 'already-exists')) throw error;
    const things = await registry.listThings(arn);
    const other = things.find((each) => each.thingName !== thingName);
    if (other !== undefined) {
      const message = `the certificate is attached to the thing ${other.thingName}, and its own is ${thingName}`;
      throw new IotFailure('conflict', 'AttachThingPrincipal', { message, cause: error });
    }
    const [own] = things;
    if (own === undefined) throw error;
    if (own.isExclusive) return;
    await registry.detachThing(thingName, arn);
    await registry.attachThing(thingName, arn);
  }
}
