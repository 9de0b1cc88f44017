import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { randomOf } from '../../mqtt/mutation.ts';
import type { LinkWorld } from './link-world.ts';
import { ModelBridge, modelRule, plainBroker } from './model-bridge.ts';

const rules = [
  modelRule('healthy', 'legacy', 'aws', 'healthy/#'),
  modelRule('dead', 'legacy', 'aws', 'dead/#'),
  modelRule('frozen', 'legacy', 'aws', 'frozen/#'),
  modelRule('poisoned', 'legacy', 'aws', 'poisoned/#'),
  modelRule('full', 'legacy', 'aws', 'full/#'),
];
const kinds = rules.map(({ name }) => name);
/** Milliseconds that a message of a rule may take with nothing wrong there. */
const boundMs = 200;

function sick(bridge: ModelBridge): Record<string, LinkWorld> {
  const world = (name: string) => bridge.worlds.get(name) as LinkWorld;
  return { dead: world('dead'), frozen: world('frozen'), poisoned: world('poisoned'), full: world('full') };
}

/** One turn of the shell for each link, in an order that chance decides. */
function turn(bridge: ModelBridge, random: () => number): void {
  const { dead, frozen, full } = sick(bridge);
  for (const world of [...bridge.worlds.values()].toSorted(() => random() - 0.5)) {
    world.reap();
    world.connectSource();
    if (world !== dead) world.connectTarget(0);
    world.link.openGate(world.nowMs);
    world.deliverFromSource(100);
    if (world !== frozen) world.deliverFromTarget(0, 100);
    world.answerRead(50);
    world.sync();
    if (world !== full) world.bury();
  }
}

/** Publishes for every rule at once; gives how late the healthy one's last message is, and what became of the sick ones. */
function play(seed: number): { readonly slowestMs: number; readonly bridge: ModelBridge } {
  const random = randomOf(seed);
  const bridge = new ModelBridge({ legacy: plainBroker, aws: plainBroker }, rules);
  const { dead, poisoned, full } = sick(bridge) as Record<'dead' | 'poisoned' | 'full', LinkWorld>;
  const poison = poisoned.targets[0]?.poison as Set<string>;
  full.spool.isFull = true;
  dead.spool.isFull = true;
  let slowestMs = 0;
  const publishedAtMs = new Map<string, number>();
  for (let number = 0; number < 300; number += 1) {
    turn(bridge, random);
    bridge.tick(20);
    for (const kind of kinds) {
      const topic = kind === 'full' && number % 3 === 0 ? `${kind}/a/${'x'.repeat(65_535)}` : `${kind}/a`;
      if (kind === 'poisoned' && random() < 0.2) poison.add(`${kind}:${number}`);
      bridge.publish('legacy', { key: kind, number, qos: 1, topic });
    }
    publishedAtMs.set(`healthy:${number}`, dead.nowMs);
    const taken = (bridge.worlds.get('healthy') as LinkWorld).takenNames;
    for (const [name, atMs] of publishedAtMs) {
      if (taken.has(name)) publishedAtMs.delete(name);
      else if (number > 2) slowestMs = Math.max(slowestMs, dead.nowMs - atMs);
    }
  }
  return { slowestMs, bridge };
}

describe('rules side by side', () => {
  test('B7: a dead, a frozen and a poisoned target, a full disk: the rule beside them does not wait', () => {
    for (let seed = 1; seed <= 5; seed += 1) {
      const { slowestMs, bridge } = play(seed);
      assert.ok(slowestMs <= boundMs, `seed ${seed}: ${slowestMs} ms`);
      const worlds = sick(bridge);
      assert.equal(worlds['dead']?.taken.length, 0);
      assert.ok((worlds['poisoned']?.deadLetters.reasonByName.size ?? 0) > 0);
      for (const name of ['dead', 'frozen'])
        assert.ok((worlds[name]?.source.waiting.length ?? 0) + (worlds[name]?.link.spooledCount ?? 0) > 50, name);
    }
  });
});
