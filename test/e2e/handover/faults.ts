import { setTimeout as wait } from 'node:timers/promises';
import { machineMs } from './delay-histogram.ts';
import type { Side } from './fleet-plan.ts';
import type { HandoverWorld, Outage } from './handover-world.ts';

/** The moments of a round at which something can go wrong. */
export const faultPoints = ['preparing', 'prepared', 'switching', 'window', 'rolling-back'] as const;
export type FaultPoint = (typeof faultPoints)[number];

export interface Fault {
  readonly name: string;
  /** Absent: at another point in every round. */
  readonly at?: FaultPoint;
  /** Makes it, and mends it. Answers the outage when a broker lost what it knew. */
  make(world: HandoverWorld): Promise<Outage | undefined>;
}

export const faultNames = ['none', 'kill-gateway', 'kill-broker', 'freeze-broker', 'slow-broker'] as const;
export type FaultName = (typeof faultNames)[number];

/** So that a move is in its middle. */
const intoTheMoveMs = 200;
const downMs = 5_000;
const slowMs = 10_000;
const slowTurnMs = { stopped: 150, running: 50 };
/** Sessions whose broker came back are repaired within it. */
const repairMs = 5_000;

/** Undefined for `none`. `side`: the broker that is hurt. */
export function createFault(name: FaultName, side: Side): Fault | undefined {
  if (name === 'none') return undefined;
  if (name === 'kill-gateway') return { name, make: killGateway };
  const make = { 'kill-broker': killBroker, 'freeze-broker': freezeBroker, 'slow-broker': slowBroker }[name];
  return { name: `${name} ${side}`, at: 'switching', make: (world) => make(world, side) };
}

async function killGateway(world: HandoverWorld): Promise<undefined> {
  await wait(intoTheMoveMs);
  await world.killGateway();
}

/** It comes back with an empty memory. */
async function killBroker(world: HandoverWorld, side: Side): Promise<Outage> {
  await wait(intoTheMoveMs);
  const fromMs = machineMs();
  await world.brokers[side].kill();
  await wait(downMs);
  await world.reviveBroker(side);
  await wait(repairMs);
  return { side, fromMs, toMs: machineMs() };
}

async function freezeBroker(world: HandoverWorld, side: Side): Promise<undefined> {
  await wait(intoTheMoveMs);
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
