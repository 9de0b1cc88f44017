import { feedAheadOfModel, type LinkSetting, LinkWorld, maxBlameOfModel, plainSetting } from './link-world.ts';
import { type ModelMessage, nameOf } from './model-brokers.ts';

const keys = ['a', 'b', 'c', 'd'];
const poisonNames = ['a:3', 'c:5'];

export interface ScheduleSetting extends LinkSetting {
  /** Behind a reconnect the source sends the same messages under other identifiers. */
  readonly renumbers: boolean;
}

export function anySetting(random: () => number): ScheduleSetting {
  const lanes = 1 + Math.floor(random() * 3);
  const protocolVersion = random() < 0.5 ? 4 : 5;
  return {
    ...plainSetting,
    protocolVersion,
    ...(random() < 0.25 && { receiveMaximum: protocolVersion === 5 ? 1 : undefined }),
    ...(random() < 0.25 && protocolVersion === 5 && { throttles: { 'a:2': 2, 'b:4': 1, 'd:1': 4 } }),
    renumbers: random() < 0.2,
    lanes,
    order: random() < 0.7 ? { keyLevel: 2 } : 'parallel',
    publishesPerSecond: random() < 0.3 ? 25 : Number.POSITIVE_INFINITY,
    poison: random() < 0.4 ? poisonNames : [],
  };
}

/** Plays random failures, then lets everything work again. Gives the first invariant that did not hold, or undefined. */
export function linkViolation(setting: ScheduleSetting, random: () => number, steps: number): string | undefined {
  const world = new LinkWorld(setting);
  world.source.renumbers = setting.renumbers;
  const leavesAt = random() < 0.3 ? Math.floor(random() * steps) : Number.POSITIVE_INFINITY;
  let isLeaving = false;
  const retire = () => {
    isLeaving = true;
    world.link.leg.retire(world.nowMs);
  };
  const sent = new Map<string, ModelMessage>();
  const below = (limit: number) => Math.floor(random() * limit);
  let failures = 0;
  const fail = (act: () => void) => {
    failures += 1;
    act();
  };
  const publish = () => {
    for (let left = 1 + below(4); left > 0; left -= 1) {
      const key = keys[below(keys.length)] as string;
      const number = [...sent.values()].filter((message) => message.key === key).length;
      const message: ModelMessage = { key, number, qos: random() < 0.3 ? 2 : 1 };
      if (world.source.publish(message)) sent.set(nameOf(message), message);
    }
  };
  const anyLane = () => below(world.link.lanes.length);
  const crash = () => {
    world.crash(random());
    if (isLeaving) retire();
  };
  const setClock = () => {
    world.wallOffsetMs += random() < 0.5 ? 3_600_000 : -3_600_000;
  };
  const moves: readonly (readonly [weight: number, move: () => void])[] = [
    [20, publish],
    [20, () => world.deliverFromSource(1 + below(4))],
    [20, () => world.deliverFromTarget(anyLane(), 1 + below(4))],
    [8, () => world.connectSource()],
    [12, () => world.connectTarget(anyLane())],
    [8, () => world.reap()],
    [10, () => world.tick([1, 20, 300, 2_000][below(4)] as number)],
    [8, () => world.sync(random() < 0.7 ? 1 : random())],
    [1, setClock],
    [6, () => world.answerRead(1 + below(5))],
    [4, () => world.bury()],
    [4, () => world.persistCursor()],
    [8, () => world.link.openGate(world.nowMs)],
    [2, () => world.link.closeGate()],
    [2, () => fail(() => world.source.lose(world.link.leg, world.nowMs))],
    [4, () => fail(() => loseTarget(world, anyLane()))],
    [2, () => fail(() => freeze(world, random))],
    [3, () => thaw(world)],
    [1, () => fail(() => crash())],
    [1, () => fail(() => world.tick(6_000))],
    [2, () => toggleDisk(world)],
    [1, () => world.link.growLanes(1 + below(4), world.nowMs)],
  ];
  const total = moves.reduce((sum, [weight]) => sum + weight, 0);
  for (let step = 0; step < steps; step += 1) {
    if (step === leavesAt) retire();
    let at = random() * total;
    for (const [weight, move] of moves) {
      at -= weight;
      if (at >= 0) continue;
      move();
      break;
    }
    const longest = Math.max(...world.link.lanes.map((lane) => lane.length));
    if (longest > feedAheadOfModel) return `step ${step}: a lane holds ${longest} messages`;
    if (world.violations.length > 0) return `step ${step}: ${world.violations[0]}`;
  }
  world.settle();
  return finalViolation(world, sent, { failures, isLeaving });
}

function loseTarget(world: LinkWorld, index: number): void {
  const lane = world.link.lanes[index];
  if (lane !== undefined) world.targets[index]?.lose(lane, world.nowMs);
}

function freeze(world: LinkWorld, random: () => number): void {
  if (random() < 0.3) world.source.isFrozen = true;
  else for (const target of world.targets) target.isFrozen = true;
}

function thaw(world: LinkWorld): void {
  world.source.thaw();
  for (const target of world.targets) target.thaw();
}

function toggleDisk(world: LinkWorld): void {
  world.spool.isFull = !world.spool.isFull;
}

function finalViolation(
  world: LinkWorld,
  sent: ReadonlyMap<string, ModelMessage>,
  { failures, isLeaving }: { failures: number; isLeaving: boolean },
): string | undefined {
  const { deadLetters, setting, taken, takenNames } = world;
  const [violation] = world.violations;
  if (violation !== undefined) return violation;
  const poison = new Set(setting.poison);
  for (const name of sent.keys()) {
    const isDead = deadLetters.reasonByName.has(name);
    if (!takenNames.has(name) && !isDead) return `B6: ${name} is nowhere`;
    // As many losses with it alone on the way look like poison.
    if (isDead && !poison.has(name) && failures < maxBlameOfModel)
      return `B8: ${name} is a dead letter, and nothing is wrong with it`;
  }
  for (const name of takenNames) if (!sent.has(name)) return `${name} was never sent`;
  for (const [name, attempts] of world.attemptsByName) {
    // Each life of the bridge has its own attempts, and each may find it in a full window first.
    const bound = (maxBlameOfModel + 2) * (world.crashes + 1) + failures;
    if (poison.has(name) && attempts > bound) return `B8: ${name} was tried ${attempts} times`;
  }
  if (failures === 0 && setting.poison.length === 0 && taken.length !== takenNames.size)
    return 'duplicates without a failure';
  if (world.link.leg.hasLeft !== isLeaving) return `leaving is ${isLeaving}, having left is not`;
  if (world.source.waiting.length > 0) return `the source still has ${world.source.waiting.length} in its queue`;
  if (world.source.inflight.size > 0) return `the source still has ${world.source.inflight.size} unfinished`;
  if (world.link.spooledCount > 0) return `the spool still has ${world.link.spooledCount}`;
  return orderViolation(world, poison) ?? rateViolation(world);
}

/** B3. */
function orderViolation(world: LinkWorld, poison: ReadonlySet<string>): string | undefined {
  const { order, throttles, receiveMaximum } = world.setting;
  // A broker that sends one of a window back for its quota has taken later ones.
  if (order === 'parallel' || (throttles !== undefined && receiveMaximum !== 1)) return undefined;
  for (const [key, numbers] of world.firstDeliveries()) {
    const isSorted = numbers.every((number, index) => index === 0 || number > (numbers[index - 1] as number));
    if (!isSorted) return `B3: ${key} came as ${numbers.join(' ')}${poison.size > 0 ? ' (with poison)' : ''}`;
  }
  return undefined;
}

/** B4: no window of a second has more than the bound of all lanes. */
function rateViolation({ setting, taken, link, crashes }: LinkWorld): string | undefined {
  const { publishesPerSecond } = setting;
  if (!Number.isFinite(publishesPerSecond) || crashes > 0) return undefined;
  const bound = publishesPerSecond * link.lanes.length;
  for (let first = 0, last = 0; last < taken.length; last += 1) {
    while ((taken[last] as { atMs: number }).atMs - (taken[first] as { atMs: number }).atMs >= 1_000) first += 1;
    if (last - first + 1 > bound) return `B4: ${last - first + 1} messages within a second`;
  }
  return undefined;
}
