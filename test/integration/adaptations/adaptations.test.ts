import { after, before, suite, test } from 'node:test';
import { type AdaptationBrokers, AdaptationWorld, openAdaptationBrokers } from './adaptation-world.ts';
import { playScenario, scenarios } from './scenarios.ts';

suite('Behind the gateway a device lives on the emulator of AWS IoT Core', { timeout: 60_000 }, () => {
  let brokers: AdaptationBrokers;
  let whole: AdaptationWorld;
  before(async () => {
    brokers = await openAdaptationBrokers();
    whole = await AdaptationWorld.open(brokers, { prefix: 'whole' });
  });
  after(async () => {
    await whole[Symbol.asyncDispose]();
    await brokers[Symbol.asyncDispose]();
  });

  for (const scenario of scenarios) test(scenario.name, () => playScenario(scenario, whole));
});
