import { setTimeout as wait } from 'node:timers/promises';
import { machineMs } from './delay-histogram.ts';
import type { Side } from './fleet-plan.ts';
import type { HandoverWorld, Outage } from './handover-world.ts';

/** The moments of a round at which something can go wrong. */
export const faultPoints = ['preparing', 'prepared', 'switching', 'draining', 'window', 'rolling-back'] as const;
export type FaultPoint = (typeof faultPoints)[number];

export interface Fault {
  readonly name: string;
  /** Absent: at another point in every round. */
  readonly at?: FaultPoint;
  /** Makes it at this point, and mends it. Answers the outage when a broker was gone. */
  make(world: HandoverWorld, point: FaultPoint): Promise<Outage | undefined>;
}

export const faultNames = ['none', 'kill-gateway', 'kill-broker', 'freeze-broker', 'slow-broker'] as const;
export type FaultName = (typeof faultNames)[number];

/** After the operator's call, so that a move is in its middle, or both brokers still deliver to most devices. */
const delayMs: Readonly<Record<FaultPoint, number>> = {
  preparing: 200,
  prepared: 0,
  switching: 60,
  draining: 1_000,
  window: 0,
  'rolling-back': 60,
};
const downMs = 5_000;
const slowMs = 10_000;
const slowTurnMs = { stopped: 150, running: 50 };
/** Sessions whose broker came back are repaired within it. */
const repairMs = 5_000;

/** Undefined for `none`. `side`: the broker that is hurt; `at`: when. */
export function createFault(
  name: FaultName,
  { side, at }: { readonly side: Side; readonly at: FaultPoint | undefined },
): Fault | undefined {
  if (name === 'none') return undefined;
  if (name === 'kill-gateway') return { name, make: killGateway, ...(at === undefined ? {} : { at }) };
  const make = { 'kill-broker': killBroker, 'freeze-broker': freezeBroker, 'slow-broker': slowBroker }[name];
  return {
    ...{ name: `${name} ${side}`, at: at ?? 'switching' },
    make: async (world, point) => {
      await wait(delayMs[point]);
      return make(world, side);
    },
  };
}

async function killGateway(world: HandoverWorld, point: FaultPoint): Promise<undefined> {
  await wait(delayMs[point]);
  await world.killGateway();
}

/** It comes back with what it had saved. */
async function killBroker(world: HandoverWorld, side: Side): Promise<Outage> {
  const fromMs = machineMs();
  await world.brokers[side].kill();
  await wait(downMs);
  await world.reviveBroker(side);
  await wait(repairMs);
  return { side, fromMs, toMs: machineMs() };
}

async function freezeBroker(world: HandoverWorld, side: Side): Promise<undefined> {
  world.brokers[side].freeze();
  await wait(downMs);
  world.brokers[side].thaw();
}

async function slowBroker(world: HandoverWorld, side: Side): Promise<undefined> {
  const endMs = machineMs() + slowMs;
  while (machineMs() < endMs) {
    world.brokers[side].freeze();
    await wait(slowTurnMs.stopped);
    world.brokers[side].thaw();
    await wait(slowTurnMs.running);
  }
}
