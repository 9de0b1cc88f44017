import { Violation } from '../flow-ledger.ts';
import type { LegBroker } from './leg-broker.ts';
import type { LegsWorld } from './legs-world.ts';

/** How long a world may take to come to rest once everybody does what they owe: a queue, an overlap and two answers that never come. */
const patienceMs = 400_000;

/** Everybody does what they owe, in turn, until nothing is left to do; then nothing may be missing. */
export function settle(world: LegsWorld): void {
  const sinceMs = world.nowMs;
  for (const broker of world.brokers) broker.isSilent = false;
  for (let round = 0; !isAtRest(world); round += 1) {
    if (world.isGone) break;
    if (round > 20_000 || world.nowMs > sinceMs + patienceMs) throw new Violation(`liveness: ${leftOver(world)}`);
    const before = progress(world);
    everybodyActs(world, round);
    if (world.isDetached || world.awaited !== undefined) world.attach(round % 2);
    if (progress(world) !== before) continue;
    const dueMs = world.nextDueMs();
    if (dueMs > world.nowMs + 65_000) throw new Violation(`liveness: ${leftOver(world)}`);
    world.pass(Math.max(0, dueMs - world.nowMs));
  }
  if (world.isGone) {
    world.uplink.judgeAcknowledged();
    return;
  }
  if (world.farewell !== undefined) throw new Violation(`S1: the device gets DISCONNECT ${world.farewell}`);
  if (!world.machine.isQuiet(true)) throw new Violation('liveness: the machine is not quiet at rest');
  if (world.machine.activeLeg === undefined) throw new Violation('L3: no leg is active at rest');
  world.purgeLeft();
  world.judgeSubscriptions();
  world.uplink.judgeRest();
  world.downlink.judgeRest({ isMirrored: world.setting.mirrorMs !== undefined && !world.hasLost });
}

/** How long the shell waits for a broker to take what a device sent that has left. */
const heldForMs = 30_000;

/** The device says DISCONNECT and is gone at once; the brokers still answer, and the shell still repairs, until the machine is done. */
export function leave(world: LegsWorld): void {
  const sinceMs = world.nowMs;
  world.leave();
  for (const broker of world.brokers) broker.isSilent = false;
  for (let round = 0; !world.isGone; round += 1) {
    if (round > 20_000 || world.nowMs > sinceMs + patienceMs) throw new Violation(`liveness: ${leftOver(world)}`);
    const before = progress(world);
    world.feedDevice(world.device.wire.bytes);
    for (const broker of world.brokers) brokerActs(world, broker, round);
    if (world.isDetached && !world.isGone) world.attach(round % 2);
    if (world.isGone || progress(world) !== before) continue;
    if (world.nowMs > sinceMs + heldForMs) world.machine.giveUpHeld(world.nowMs);
    if (world.isGone) break;
    const dueMs = world.nextDueMs();
    if (dueMs > world.nowMs + 65_000) throw new Violation(`liveness: ${leftOver(world)}`);
    world.pass(Math.max(0, dueMs - world.nowMs));
  }
  world.uplink.judgeAcknowledged();
}

function everybodyActs(world: LegsWorld, round: number): void {
  const { device } = world;
  world.purgeLeft();
  world.feedDevice(device.wire.bytes);
  world.deviceReads(device.inbox.length);
  device.acknowledge(device.owed.length, round);
  for (const broker of world.brokers) brokerActs(world, broker, round);
}

function brokerActs(world: LegsWorld, broker: LegBroker, round: number): void {
  world.feedBroker(broker.index, Number.POSITIVE_INFINITY);
  if (broker.leg === undefined) return;
  broker.read(Number.POSITIVE_INFINITY);
  broker.answer(Number.POSITIVE_INFINITY);
  world.brokerAcknowledges(broker.index, Number.POSITIVE_INFINITY, round);
  broker.pump();
}

function isAtRest(world: LegsWorld): boolean {
  const { device, machine, subscriptions, brokers } = world;
  const areBrokers = brokers.every((broker) => broker.isAtRest) && world.mirrored === 0;
  const isMachine = !machine.hasHeld && machine.inflight === 0 && machine.phase === 'stable' && !world.isDetached;
  return device.isAtRest && subscriptions.isAtRest && areBrokers && isMachine;
}

function progress(world: LegsWorld): string {
  const { device, brokers } = world;
  const counts = brokers.map(({ session, leg }) => {
    if (session === undefined) return 'none';
    const { peer, queue, asked } = session;
    return `${leg} ${peer.wire.bytes} ${peer.inbox.length} ${peer.owed.length} ${queue.length} ${asked.length}`;
  });
  return [...counts, device.wire.bytes, device.inbox.length, device.owed.length, world.effects].join();
}

function leftOver(world: LegsWorld): string {
  const { device, machine, brokers, subscriptions } = world;
  const exchanges = (of: typeof device | undefined) =>
    [...(of?.exchanges ?? [])].map(([id, { message, isReleased }]) => [id, message.number, isReleased]);
  return JSON.stringify({
    phase: machine.phase,
    detached: world.isDetached,
    device: exchanges(device),
    brokers: brokers.map(({ session, leg }) => [
      leg,
      exchanges(session?.peer),
      session?.queue.length,
      session?.peer.wire.bytes,
    ]),
    reads: [world.readsDevice, ...[...world.legs.values()].filter(({ isOver }) => !isOver).map(({ isRead }) => isRead)],
    inflight: [machine.inflightFromDevice, machine.inflight],
    hasHeld: machine.hasHeld,
    subscriptions: subscriptions.isAtRest,
  });
}
