import { brokerProfiles } from '../../../src/mqtt/broker-profiles.ts';
import type { LinkWorld } from './link-world.ts';
import { ModelBridge, type ModelRule, modelRule } from './model-bridge.ts';
import { type ModelMessage, nameOf } from './model-brokers.ts';

export interface BridgeScheduleSetting {
  /** By broker. */
  readonly versions: Readonly<Record<string, 4 | 5>>;
  readonly rules: readonly ModelRule[];
}

/** Rules whose ranges come round: both ways between two brokers, or in a ring of three. */
export function anyRing(random: () => number): BridgeScheduleSetting {
  const isRing = random() < 0.3;
  const names = isRing ? ['one', 'two', 'three'] : ['one', 'two'];
  const isMarked = isRing || random() < 0.4;
  const versions = Object.fromEntries(names.map((name) => [name, isMarked || random() < 0.3 ? 5 : 4] as const));
  const order = random() < 0.5 ? 'parallel' : { keyLevel: 2 };
  const lanes = 1 + Math.floor(random() * 2);
  const partitions = order !== 'parallel' && random() < 0.3 ? 2 : 1;
  const rules = names.map((from, index): ModelRule => {
    const to = names[(index + 1) % names.length] as string;
    return { ...modelRule(`${from}-${to}`, from, to, '#'), order, partitions, lanes: { least: lanes, most: lanes } };
  });
  return { versions, rules };
}

/** What nobody else says; and what both sides say in the same words. */
const uniqueKeys = ['a', 'b', 'c'];
const equalKey = 'on';

/**
 * Plays random failures on rules that come round, then lets everything work again. B2: nothing comes back to where it was
 * published, but for what a digest can have forgotten; and what is kept from coming back is never somebody else's.
 */
export function ringViolation(
  { versions, rules }: BridgeScheduleSetting,
  random: () => number,
  steps: number,
): string | undefined {
  const brokers = Object.fromEntries(
    Object.entries(versions).map(([name, version]) => [name, { version, profile: brokerProfiles.mqtt }] as const),
  );
  const bridge = new ModelBridge(brokers, rules, { breaker: { repeats: 0, windowMs: 10_000 } });
  const names = Object.keys(versions);
  const worlds = [...bridge.worlds.values()];
  /** By broker and message, what devices and backends published. */
  const said = new Map<string, number>();
  let number = 0;
  let crashes = 0;
  const below = (limit: number) => Math.floor(random() * limit);
  const anyWorld = () => worlds[below(worlds.length)] as LinkWorld;
  const publish = () => {
    // Who publishes before the rules are subscribed is not heard.
    if (!worlds.every(({ source }) => source.hasSubscription)) return;
    const broker = names[below(names.length)] as string;
    const isEqual = random() < 0.3;
    const key = isEqual ? equalKey : (uniqueKeys[below(uniqueKeys.length)] as string);
    const message: ModelMessage = { key, number: isEqual ? 0 : number, qos: random() < 0.2 ? 2 : 1 };
    number += 1;
    const name = `${broker} ${nameOf(message)}`;
    said.set(name, (said.get(name) ?? 0) + 1);
    bridge.publish(broker, message);
  };
  const loseTarget = (world: LinkWorld) => {
    const index = below(world.link.lanes.length);
    world.targets[index]?.lose(world.link.lanes[index] as never, world.nowMs);
  };
  const moves: readonly (readonly [weight: number, move: () => void])[] = [
    [20, publish],
    [30, () => anyWorld().deliverFromSource(1 + below(4))],
    [30, () => deliverTarget(anyWorld(), below)],
    [10, () => bridge.connect()],
    [10, () => bridge.tick([1, 20, 300, 2_000][below(4)] as number)],
    [8, () => anyWorld().sync()],
    [6, () => anyWorld().answerRead(1 + below(5))],
    [2, () => anyWorld().persistCursor()],
    [2, () => loseSource(anyWorld())],
    [3, () => loseTarget(anyWorld())],
    [
      0.5,
      () => {
        crashes += 1;
        bridge.crash(random());
      },
    ],
  ];
  play(moves, random, steps);
  bridge.settle();
  return ringOutcome(bridge, said, { crashes, isMarked: Object.values(versions).every((version) => version === 5) });
}

function deliverTarget(world: LinkWorld, below: (limit: number) => number): void {
  world.deliverFromTarget(below(world.link.lanes.length), 1 + below(4));
}

function loseSource(world: LinkWorld): void {
  world.source.lose(world.link.leg, world.nowMs);
}

export function play(
  moves: readonly (readonly [weight: number, move: () => void])[],
  random: () => number,
  steps: number,
): void {
  const total = moves.reduce((sum, [weight]) => sum + weight, 0);
  for (let step = 0; step < steps; step += 1) {
    let at = random() * total;
    const move = moves.find(([weight]) => {
      at -= weight;
      return at < 0;
    });
    move?.[1]();
  }
}

function ringOutcome(
  bridge: ModelBridge,
  said: ReadonlyMap<string, number>,
  { crashes, isMarked }: { crashes: number; isMarked: boolean },
): string | undefined {
  const worlds = [...bridge.worlds.values()];
  const [violation] = worlds.flatMap(({ violations }) => violations);
  if (violation !== undefined) return violation;
  const lost = worlds.reduce(
    (sum, { source, targets }) => sum + source.losses + targets.reduce((all, { losses }) => all + losses, 0),
    0,
  );
  for (const name of new Set([...said.keys()].map((key) => key.split(' ')[1] as string))) {
    for (const { from, to } of bridge.rules) {
      const count = bridge.publishes.get(`${to} ${name}`) ?? 0;
      const expected = (said.get(`${to} ${name}`) ?? 0) + (said.get(`${from} ${name}`) ?? 0);
      if (count < expected) return `B6: ${name} is ${count} of ${expected} times at ${to}`;
      // Each failure may send a message twice, and without marks the second one back.
      if (count > expected + 2 * (lost + crashes)) return `B2: ${name} is ${count} of ${expected} times at ${to}`;
    }
    if (!isMarked || name.startsWith(equalKey)) continue;
    for (const broker of Object.keys(bridge.brokers)) {
      const own = said.get(`${broker} ${name}`) ?? 0;
      if (own > 0 && bridge.publishes.get(`${broker} ${name}`) !== own) return `B2: ${name} came back to ${broker}`;
    }
  }
  return undefined;
}
