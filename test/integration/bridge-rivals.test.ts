import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as nextTurn } from 'node:timers/promises';
import { BridgeWorld, bridgeRule, Hearing } from './bridge-world.ts';

const all = { order: 'parallel', lanes: { least: 1, most: 1 } } as const;
const rules = [bridgeRule('up', 'up', '#', all), bridgeRule('down', 'down', '#', all)];
const timeout = 60_000;

describe('two bridges with the same rules', { timeout }, () => {
  test('and one name: who is taken over again and again says so, with advice, and waits; nothing is lost', async () => {
    await using world = await BridgeWorld.start(rules);
    const said: string[] = [];
    const hear = (_at: unknown, text?: string) => {
      said.push(text ?? '');
    };
    const rival = await world.startRival('bridge', { info() {}, warn: hear, error: hear });
    try {
      const [device, backend] = [await world.client('legacy'), await world.client('aws')];
      const hearing = await Hearing.begin(backend, 'dt/#');
      const texts: string[] = [];
      while (!said.some((text) => /bridge\.name/.test(text))) {
        const text = `dt ${texts.length}`;
        await device.publishAsync('dt/a/x', text, { qos: 1 });
        texts.push(text);
        await nextTurn(50);
      }
      await hearing.all(texts);
      // Two connections of two links, and each loss waits longer than the one before.
      assert.ok(said.length < 60, `${said.length} times`);
    } finally {
      await rival.stop();
    }
  });

  test('and other names: everything twice, and nothing round', async () => {
    await using world = await BridgeWorld.start(rules);
    const rival = await world.startRival('rival');
    try {
      await rival.open;
      const [device, backend] = [await world.client('legacy'), await world.client('aws')];
      const [atBackend, atDevice] = [await Hearing.begin(backend, '#'), await Hearing.begin(device, '#')];
      const texts = Array.from({ length: 20 }, (_, index) => `dt ${index}`);
      for (const text of texts) await device.publishAsync('dt/a/x', text, { qos: 1 });
      const marks = ['last 0', 'last 1'];
      for (const text of marks) await backend.publishAsync('last', text, { qos: 1 });
      await Promise.all([atBackend.all([...texts, ...marks]), atDevice.all([...texts, ...marks])]);
      const echoed = () => [world.bridge, rival].flatMap(({ links }) => links.map(({ link }) => link.counts.echoes));
      // Each of the two carries each of the 22, and each hears both copies come back.
      while (echoed().reduce((sum, echoes) => sum + echoes, 0) < 88) await nextTurn(10);
      const counts = (hearing: Hearing) => hearing.heard.filter(({ text }) => texts.includes(text)).length;
      assert.deepEqual([counts(atBackend), counts(atDevice)], [40, 20]);
    } finally {
      await rival.stop();
    }
  });
});
