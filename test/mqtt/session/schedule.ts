import { settingOf } from './session-setting.ts';
import { type PortWrapper, SessionWorld } from './session-world.ts';

type Step = (world: SessionWorld, choice: number) => void;

/** What one step of a schedule does, by weight. `choice` has 24 bits. */
const weighted: readonly (readonly [number, Step])[] = [
  [6, (world, choice) => void world.publish(choice)],
  [5, (world, choice) => void world.deliver(choice)],
  [4, (world) => world.feedDevice(world.device.wire.bytes)],
  [3, (world, choice) => world.feedDevice(1 + (choice % 64))],
  [4, (world) => world.feedBroker(world.broker.wire.bytes)],
  [3, (world, choice) => world.feedBroker(1 + (choice % 64))],
  [5, (world, choice) => world.deviceReads(1 + (choice % 8))],
  [5, (world, choice) => world.brokerReads(1 + (choice % 8))],
  [4, (world, choice) => world.device.acknowledge(1 + (choice % 4), choice)],
  [5, (world, choice) => world.broker.acknowledge(1 + (choice % 4), choice >> 4)],
  [2, (world, choice) => world.repeat(choice)],
  [1, (world, choice) => world.redeliver(choice)],
  [1, (world) => world.ping()],
  [1, (world, choice) => world.subscriptions.request(choice)],
  [1, (world) => world.subscriptions.answer()],
  [1, (world, choice) => world.pass(choice % 400)],
  [2, (world) => world.reconnect()],
  [1, burst],
];

const steps: readonly Step[] = weighted.flatMap(([weight, step]) => Array.from({ length: weight }, () => step));

/** Many at once, from either side: what windows and bounds are for. */
function burst(world: SessionWorld, choice: number): void {
  // One in sixteen is more than is held.
  const count = choice % 16 === 0 ? 150 : 4 + (choice % 12);
  for (let index = 0; index < count; index += 1) {
    if (choice & 0x40) world.deliver((choice >> 7) + index * 7);
    else world.publish((choice >> 7) + index * 7);
  }
}

/** The moves that are needed to break the same invariant: fewer, and each as plain as may be. */
export function shrinkSchedule(setting: number, moves: readonly number[], wrap?: PortWrapper): number[] {
  const invariant = violationOf(setting, moves, wrap)?.split(':')[0];
  const isSame = (fewer: readonly number[]) => violationOf(setting, fewer, wrap)?.split(':')[0] === invariant;
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

/** What a schedule violates, or undefined. */
export function violationOf(setting: number, moves: ArrayLike<number>, wrap?: PortWrapper): string | undefined {
  try {
    playSchedule(setting, moves, wrap);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** A schedule of `count` moves from a generator of numbers in [0, 1). */
export function anySchedule(random: () => number): { readonly setting: number; readonly moves: readonly number[] } {
  const number = () => Math.floor(random() * 0x1_0000_0000);
  const setting = number();
  return { setting, moves: Array.from({ length: 20 + Math.floor(random() * 41) }, number) };
}

/** Plays one schedule to its rest: a setting and its steps, each a number of 32 bits. Throws what was violated. */
export function playSchedule(setting: number, moves: ArrayLike<number>, wrap?: PortWrapper): SessionWorld {
  const world = new SessionWorld(settingOf(setting), wrap);
  for (let at = 0; at < moves.length; at += 1) {
    const move = moves[at] as number;
    (steps[(move & 0xff) % steps.length] as Step)(world, move >>> 8);
  }
  world.settle();
  return world;
}
