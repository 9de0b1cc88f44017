import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import {
  type AdaptationBrokers,
  AdaptationWorld,
  openAdaptationBrokers,
} from '../integration/adaptations/adaptation-world.ts';
import { playScenario, scenarios } from '../integration/adaptations/scenarios.ts';
import { type SwitchName, switchedOff } from '../integration/adaptations/switched-off.ts';

/** Gateways that are there at the same time. */
const gatewaysAtOnce = 3;

suite('Without one of its adaptations', { concurrency: gatewaysAtOnce, timeout: 300_000 }, () => {
  let brokers: AdaptationBrokers;
  before(async () => {
    brokers = await openAdaptationBrokers();
  });
  after(() => brokers[Symbol.asyncDispose]());

  for (const [index, name] of (Object.keys(switchedOff) as SwitchName[]).entries()) {
    const needing = scenarios.filter(({ needs }) => needs === name);
    test(`${name}: no longer ${needing.map((scenario) => scenario.name).join('; ')}`, async () => {
      assert.ok(needing.length > 0, 'expected a scenario that needs it');
      await using crippled = await AdaptationWorld.open(brokers, { prefix: `without${index}`, without: name });
      for (const scenario of needing) {
        await assert.rejects(playScenario(scenario, crippled), `${scenario.name}: expected to fail`);
      }
    });
  }
});
