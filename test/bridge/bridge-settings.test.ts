import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { brokerProfiles } from '../../src/mqtt/broker-profiles.ts';
import { ModelBridge, type ModelRule, modelRule, plainBroker } from './link/model-bridge.ts';

const brokers = { legacy: plainBroker, aws: { ...plainBroker, profile: brokerProfiles.mqtt } };

/** A device says the same 300 times within 10 s; gives whether the rule is stopped, and what was carried. */
function saidOften(rules: readonly ModelRule[]): { readonly isStopped: boolean | undefined; readonly carried: number } {
  const bridge = new ModelBridge(brokers, rules, { breaker: { repeats: 200, windowMs: 10_000 } });
  bridge.connect();
  bridge.run(5);
  for (let time = 0; time < 300; time += 1) {
    bridge.publish('legacy', { key: 'on', number: 0, qos: 1 });
    bridge.run(2);
    bridge.tick(20);
  }
  const { link } = bridge.worlds.get('up') ?? {};
  return { isStopped: link?.isStopped, carried: bridge.publishes.get('aws on:0') ?? 0 };
}

describe('the breaker', () => {
  test('a device that says the same 50 times a second is no loop where nothing can come round', () => {
    const rules = [modelRule('up', 'legacy', 'aws', 'dt/#'), modelRule('down', 'aws', 'legacy', 'cmd/#')];
    assert.deepEqual(saidOften(rules), { isStopped: false, carried: 300 });
  });

  test('counts where the rules come round: there it is the last layer', () => {
    const rules = [modelRule('up', 'legacy', 'aws', 'dt/#'), modelRule('down', 'aws', 'legacy', 'dt/#')];
    assert.deepEqual(saidOften(rules), { isStopped: true, carried: 200 });
  });
});
