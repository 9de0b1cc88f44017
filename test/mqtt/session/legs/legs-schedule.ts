import type { PortWrapper } from './leg-port.ts';
import { legSettingOf } from './leg-setting.ts';
import { leave, settle } from './legs-rest.ts';
import { LegsWorld } from './legs-world.ts';

type Step = (world: LegsWorld, choice: number) => void;

/** What one step of a schedule does, by weight. `choice` has 24 bits; its lowest one says which broker. */
const weighted: readonly (readonly [number, Step])[] = [
  [6, (world, choice) => world.publish(choice)],
  [6, (world, choice) => world.publishAt(choice & 1, choice >> 1)],
  [4, (world) => world.feedDevice(world.device.wire.bytes)],
  [2, (world, choice) => world.feedDevice(1 + (choice % 64))],
  [5, (world, choice) => world.feedBroker(choice & 1, Number.POSITIVE_INFINITY)],
  [2, (world, choice) => world.feedBroker(choice & 1, 1 + ((choice >> 1) % 64))],
  [5, (world, choice) => world.deviceReads(1 + (choice % 8))],
  [5, (world, choice) => brokerOf(world, choice).read(1 + ((choice >> 1) % 8))],
  [4, (world, choice) => world.device.acknowledge(1 + (choice % 4), choice)],
  [4, (world, choice) => world.brokerAcknowledges(choice & 1, 1 + ((choice >> 1) % 4), choice >> 4)],
  [4, (world, choice) => brokerOf(world, choice).answer(1 + ((choice >> 1) % 3))],
  [2, (world, choice) => world.subscribe(choice)],
  [2, (world, choice) => world.repeat(choice)],
  [1, (world) => world.ping()],
  [5, (world, choice) => world.attach(choice & 1)],
  [5, (world) => world.cut()],
  [1, (world) => world.abortCut()],
  [1, (world) => world.dismiss()],
  [4, (world, choice) => pass(world, choice % 700)],
  [1, (world, choice) => pass(world, choice % 12_000)],
  [6, everythingMoves],
  [2, lose],
  [1, silence],
  [2, (world, choice) => world.burst(choice)],
];

const steps: readonly Step[] = weighted.flatMap(([weight, step]) => Array.from({ length: weight }, () => step));

function brokerOf(world: LegsWorld, choice: number) {
  return world.brokers[choice & 1] as (typeof world.brokers)[0];
}

/** Half of the settings are without faults, so that nothing may be missing at all. */
function hasFaults(world: LegsWorld): boolean {
  return world.setting.hasFaults;
}

function pass(world: LegsWorld, milliseconds: number): void {
  if (hasFaults(world)) {
    if (milliseconds > 4_000) world.downlink.mayBeLate = true;
    world.pass(milliseconds);
    return;
  }
  // Who has no fault is never slower than that.
  for (let left = milliseconds; left > 0; left -= 700) {
    everythingMoves(world, milliseconds);
    world.pass(Math.min(left, 700));
  }
}

function lose(world: LegsWorld, choice: number): void {
  if (!hasFaults(world)) return;
  const index = choice & 1;
  const mayForget = ['session', world.setting.brokers[index]?.isAws ? undefined : 'subscriptions'] as const;
  world.lose(index, { readsFirst: (choice & 2) !== 0, forgets: mayForget[(choice >> 2) % 4] });
}

function silence(world: LegsWorld, choice: number): void {
  if (hasFaults(world)) world.silence(choice & 1);
}

/** A round in which nobody is slow. */
function everythingMoves(world: LegsWorld, choice: number): void {
  world.feedDevice(world.device.wire.bytes);
  for (const broker of world.brokers) {
    if (broker.leg === undefined) continue;
    broker.read(Number.POSITIVE_INFINITY);
    broker.answer(Number.POSITIVE_INFINITY);
    world.brokerAcknowledges(broker.index, Number.POSITIVE_INFINITY, choice);
    world.feedBroker(broker.index, Number.POSITIVE_INFINITY);
  }
  world.deviceReads(world.device.inbox.length);
  world.device.acknowledge(world.device.owed.length, choice);
}

/** SUBSCRIBE of four filters, the first at QoS 2. */
const initialRequest = 3 | (1 << 6) | (2 << 9);

/** Plays one schedule to its rest: a setting and its steps, each a number of 32 bits. Throws what was violated. */
export function playLegs(setting: number, moves: ArrayLike<number>, wrap?: PortWrapper): LegsWorld {
  const world = new LegsWorld(legSettingOf(setting), wrap);
  world.subscribe(initialRequest);
  for (let at = 0; at < moves.length; at += 1) {
    const move = moves[at] as number;
    (steps[(move & 0xff) % steps.length] as Step)(world, move >>> 8);
    world.purgeLeft();
  }
  if (world.setting.leaves) leave(world);
  else settle(world);
  return world;
}

/** What a schedule violates, or undefined. */
export function legsViolation(setting: number, moves: ArrayLike<number>, wrap?: PortWrapper): string | undefined {
  try {
    playLegs(setting, moves, wrap);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** A schedule of some moves from a generator of numbers in [0, 1). */
export function anyLegsSchedule(random: () => number): { readonly setting: number; readonly moves: readonly number[] } {
  const number = () => Math.floor(random() * 0x1_0000_0000);
  const setting = number();
  return { setting, moves: Array.from({ length: 20 + Math.floor(random() * 61) }, number) };
}

/** The moves that are needed to break the same invariant. */
export function shrinkLegs(setting: number, moves: readonly number[], wrap?: PortWrapper): number[] {
  const invariant = legsViolation(setting, moves, wrap)?.split(':')[0];
  const isSame = (fewer: readonly number[]) => legsViolation(setting, fewer, wrap)?.split(':')[0] === invariant;
  let shortest = [...moves];
  for (let width = moves.length >> 1; width > 0; width >>= 1) {
    for (let at = 0; at + width <= shortest.length; ) {
      const fewer = shortest.toSpliced(at, width);
      if (isSame(fewer)) shortest = fewer;
      else at += width;
    }
  }
  return shortest;
}
