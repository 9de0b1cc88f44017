import { setTimeout as wait } from 'node:timers/promises';
import { answerOf } from '../gateway-process.ts';
import { devicePlan, type Side, sides } from './fleet-plan.ts';
import type { HandoverWorld } from './handover-world.ts';

const probeMs = 1_500;
/** What one answer of the admin API holds. */
const sessionsAtMost = 1_000;

/**
 * Devices that are served by another broker than the gateway says, or by both. Each broker sends every device a message
 * of its own; what a device receives says who serves it.
 */
export async function misplacedDevices(world: HandoverWorld): Promise<readonly string[]> {
  await world.fleet.ask('probes', null);
  await world.backend.ask('probe', sides);
  await wait(probeMs);
  const probesByDevice = await world.fleet.ask('probes', null);
  const homes = await knownHomes(world);
  const misplaced = probesByDevice.flatMap((probes, index) => {
    const home = homes.get(devicePlan(index).clientId);
    const isRight = home === undefined || (probes.length === 1 && probes[0] === home);
    return isRight ? [] : [`dev-${index} is at ${home}, and got ${probes.join(' and ') || 'nothing'}`];
  });
  return [...misplaced, ...(await miscounted(world, probesByDevice))];
}

async function knownHomes({ admin }: HandoverWorld): Promise<ReadonlyMap<string, string>> {
  const lists = await Promise.all(sides.map((broker) => admin.sessions({ broker, limit: sessionsAtMost })));
  return new Map(lists.flatMap((list) => answerOf(list).map(({ clientId, home }) => [clientId, home] as const)));
}

/** The counts hold for fleets that one answer does not list. */
async function miscounted(
  { gateway }: HandoverWorld,
  probesByDevice: readonly (readonly string[])[],
): Promise<readonly string[]> {
  const status = await gateway.status();
  const served = (side: Side) => probesByDevice.filter(([first]) => first === side).length;
  return sides.flatMap((side) => {
    const said = status.brokers[side]?.sessions;
    return said === served(side) ? [] : [`${side} serves ${served(side)} sessions, and the status says ${said}`];
  });
}
