import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { AwsIotEmulatorOptions } from '../../src/emulator/aws-iot-emulator.ts';
import type { WireDevice } from '../integration/wire-device.ts';
import type { WireVersion } from '../integration/wire-frames.ts';
import { EmulatorWorld } from './emulator-world.ts';

const both: readonly WireVersion[] = [4, 5];
const nameOf = (version: WireVersion) => (version === 5 ? 'MQTT 5' : 'MQTT 3.1.1');
const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
const filters = (count: number, prefix = 'f') =>
  numbers(count).map((n) => ({ topic: `${prefix}/${n}`, qos: 1 as const }));
const clientError = 'CLIENT_ERROR';

async function withOptions(options: AwsIotEmulatorOptions, act: (world: EmulatorWorld) => Promise<void>) {
  await using world = await EmulatorWorld.start(options);
  await act(world);
}

function publish(device: WireDevice, topic: string, fields: object = {}) {
  device.send({ cmd: 'publish', topic, payload: 'x', qos: 1, dup: false, retain: false, messageId: 7, ...fields });
}

/** The connection is as good as before, and everything that was sent before has been acted on. */
async function alive(device: WireDevice) {
  device.send({ cmd: 'pingreq' });
  await device.next('pingresp');
}

suite('Facts 2.2, limits', { timeout: 60_000 }, () => {
  let world: EmulatorWorld;
  before(async () => {
    world = await EmulatorWorld.start();
  });
  after(() => world[Symbol.asyncDispose]());

  for (const version of both) {
    test(`2.2 Publish payload: 128 KB, ${nameOf(version)}: disconnect CLIENT_ERROR`, async () => {
      const device = await world.connected(version);
      publish(device, 'payload', { payload: Buffer.alloc(131_073) });
      await world.ended(device, { refusal: 'payload-too-large', disconnectReason: clientError, code: 0x95 });
    });

    test(`2.2 Publish payload: 128 KB, ${nameOf(version)}: CONNECT > limit refused`, async () => {
      const clientId = world.newClientId('large');
      const device = await world.dial(version);
      const will = { topic: 'w', payload: Buffer.alloc(65_000), qos: 0, retain: false } as const;
      const fields = { will, username: 'u'.repeat(65_000), password: Buffer.alloc(65_000) };
      device.sendBytes(device.connectBytes(clientId, fields));
      await device.closed();
      assert.deepEqual(device.packets, []);
      assert.ok(world.emulator.broker.refusals.count('connect-too-large') > 0);
    });

    test(`2.2 MQTT5 packet size: 146 KB, ${nameOf(version)}: refused at its header`, async () => {
      const device = await world.connected(version);
      // PUBLISH that declares 149 505 bytes behind its header, of which none has come.
      device.sendBytes('30819009');
      await world.ended(device, { refusal: 'packet-too-large', disconnectReason: clientError, code: 0x95 });
    });

    const longest = `${'t'.repeat(255)}ü`;
    test(`2.2 Topic length: 256 bytes UTF-8, ${nameOf(version)}`, async () => {
      const device = await world.connected(version);
      await device.publish({ topic: 't'.repeat(256), qos: 1 });
      await device.publish({ topic: `$aws/rules/some_rule/${'t'.repeat(256)}`, qos: 1 });
      assert.deepEqual(await device.subscribe([{ topic: 't'.repeat(256), qos: 1 }]), [1]);
      publish(device, longest);
      await world.ended(device, { refusal: 'topic-too-long', disconnectReason: clientError, code: 0x90 });
      const other = await world.connected(version);
      other.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: longest, qos: 0 }] });
      await world.ended(other, { refusal: 'filter-too-long', disconnectReason: clientError, code: 0x8f });
    });

    test(`2.2 Slashes in topic/filter: 7, ${nameOf(version)}, $share/<name>/ and Basic Ingest prefix excluded`, async () => {
      const device = await world.connected(version);
      await device.publish({ topic: '1/2/3/4/5/6/7/8', qos: 1 });
      await device.publish({ topic: '$aws/rules/some_rule/1/2/3/4/5/6/7/8', qos: 1 });
      assert.deepEqual(await device.subscribe([{ topic: '1/2/3/4/5/6/7/#', qos: 1 }]), [1]);
      assert.deepEqual(await device.subscribe([{ topic: '$share/group/1/2/3/4/5/6/7/+', qos: 1 }]), [1]);
      publish(device, '1/2/3/4/5/6/7/8/9');
      await world.ended(device, { refusal: 'topic-too-deep', disconnectReason: clientError, code: 0x90 });
      const other = await world.connected(version);
      other.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: '1/2/3/4/5/6/7/8/#', qos: 0 }] });
      await world.ended(other, { refusal: 'filter-too-deep', disconnectReason: clientError, code: 0x8f });
    });

    test(`2.2 Filters per SUBSCRIBE: 8, ${nameOf(version)}`, async () => {
      const device = await world.connected(version);
      assert.deepEqual(await device.subscribe(filters(8)), new Array(8).fill(1));
      device.send({ cmd: 'subscribe', messageId: 9, subscriptions: filters(9, 'g') });
      await world.ended(device, { refusal: 'too-many-filters', disconnectReason: clientError, code: 0x97 });
      assert.equal(device.count('suback'), 1);
    });

    test(`2.2 variant: Filters per SUBSCRIBE: 8, ${nameOf(version)}: no SUBACK, nothing subscribed`, () =>
      withOptions({ variants: { tooManyFilters: 'ignore' } }, async (other) => {
        const device = await other.connected(version);
        device.send({ cmd: 'subscribe', messageId: 9, subscriptions: filters(9) });
        await alive(device);
        assert.equal(device.count('suback'), 0);
        assert.equal(other.emulator.broker.sessions.get(device.clientId)?.subscriptions.size, 0);
      }));

    test(`2.2 UNSUBSCRIBE filters: 9 in one packet silently fail, ${nameOf(version)}`, async () => {
      const device = await world.connected(version);
      const list = filters(9, 'u');
      await device.subscribe(list.slice(0, 8));
      device.send({ cmd: 'unsubscribe', messageId: 9, unsubscriptions: list.map(({ topic }) => topic) });
      await alive(device);
      assert.equal(device.count('unsuback'), 0);
      assert.equal(world.emulator.broker.sessions.get(device.clientId)?.subscriptions.size, 8);
      assert.deepEqual(world.refusals(device.clientId), ['too-many-unsubscribes']);
      await device.unsubscribe(...list.slice(0, 8).map(({ topic }) => topic));
      assert.equal(world.emulator.broker.sessions.get(device.clientId)?.subscriptions.size, 0);
      assert.equal(
        (await world.event(device.clientId, 'unsubscribed'))['topics']?.toString(),
        'u/1,u/2,u/3,u/4,u/5,u/6,u/7,u/8',
      );
    });

    test(`2.2 Subscriptions per connection: 50, ${nameOf(version)}`, () =>
      withOptions({}, async (other) => {
        const device = await other.connected(version);
        for (const part of numbers(6)) await device.subscribe(filters(8, `${part}`));
        await device.subscribe(filters(2, 'last'));
        // One that is there already is not one more.
        assert.deepEqual(await device.subscribe([{ topic: '1/1', qos: 0 }]), [0]);
        device.send({ cmd: 'subscribe', messageId: 99, subscriptions: [{ topic: 'one/more', qos: 1 }] });
        await other.ended(device, { refusal: 'too-many-subscriptions', disconnectReason: clientError, code: 0x97 });
      }));

    test(`2.2 variant: Subscriptions per connection: 50, ${nameOf(version)}: rejected in SUBACK`, () =>
      withOptions({ variants: { tooManySubscriptions: 'suback' } }, async (other) => {
        const device = await other.connected(version);
        for (const part of numbers(6)) await device.subscribe(filters(8, `${part}`));
        const refused = version === 5 ? 0x97 : 0x80;
        assert.deepEqual(await device.subscribe(filters(4, 'last')), [1, 1, refused, refused]);
      }));

    test(`2.2 Client ID: 128 bytes UTF-8, must not start with $, ${nameOf(version)}`, async () => {
      await world.connected(version, 'i'.repeat(128));
      for (const clientId of ['i'.repeat(129), '$me']) {
        const device = await world.dial(version);
        device.sendBytes(device.connectBytes(clientId));
        await device.closed();
        assert.deepEqual(
          device.packets.map(({ bytes }) => bytes.toString('hex')),
          [version === 5 ? '2003008500' : '20020002'],
        );
        assert.deepEqual(world.refusals(clientId).at(-1), 'client-id');
      }
    });

    test(`2.2 Client IDs containing # or +: allowed, but produce no lifecycle events, ${nameOf(version)}`, async () => {
      for (const clientId of [`a+${version}`, `a#${version}`]) {
        const before = world.accepted.length;
        const device = await world.connected(version, clientId);
        await device.subscribe([{ topic: 'x', qos: 0 }]);
        await device.disconnect();
        assert.deepEqual(
          world.accepted.slice(before).filter(({ topic }) => topic.endsWith(clientId)),
          [],
        );
      }
    });

    test(`2.2 Publish rate per connection: 100/s inbound+outbound, excess discarded, ${nameOf(version)}`, () =>
      withOptions({}, async (other) => {
        const device = await other.connected(version);
        await device.subscribe([{ topic: 'echo', qos: 0 }]);
        // Each comes back, so that 50 use the rate up.
        for (const _ of numbers(60)) publish(device, 'echo', { qos: 0 });
        await alive(device);
        assert.equal(other.messages().length, 50);
        assert.equal(device.count('publish'), 50);
        assert.equal(other.emulator.broker.refusals.count('publish-rate'), 10);
      }));

    test(`2.2 Throughput per connection: 512 KiB/s, excess delayed, ${nameOf(version)}`, () =>
      withOptions({}, async (other) => {
        const device = await other.connected(version);
        for (const id of numbers(9)) publish(device, 'bulk', { qos: 0, payload: Buffer.alloc(120_000), messageId: id });
        while (other.messages().length < 9) {
          other.advance(50);
          await new Promise((resolve) => setImmediate(resolve));
        }
        const [first, ...later] = other.messages().map(({ wallMs }) => wallMs);
        for (const [index, wallMs] of later.entries()) {
          const dueMs = (((index + 1) * 120_000) / 524_288) * 1_000 - 1_000;
          assert.ok(
            wallMs - (first ?? 0) >= dueMs,
            `message ${index + 2} came ${wallMs - (first ?? 0)} ms behind the first`,
          );
        }
      }));
  }

  test('2.2 Unacked QoS1 inbound per client: 100, MQTT 3.1.1: reading stops', () =>
    withOptions(
      { pubackOrder: 'in-order', pubackWaitMs: 60_000, limits: { publishesPerSecond: 1_000 } },
      async (other) => {
        const device = await other.connected(4);
        for (const id of numbers(101)) publish(device, 'window', { messageId: id });
        await other.until('100 messages', () => other.messages().length >= 100);
        device.send({ cmd: 'pingreq' });
        assert.equal(other.messages().length, 100);
        other.advance(60_000);
        await device.next('pingresp');
        assert.equal(other.messages().length, 101);
        assert.equal(device.count('puback'), 100);
      },
    ));

  test('2.2 Unacked QoS1 inbound per client: 100, MQTT 5: DISCONNECT 0x93', () =>
    withOptions(
      { pubackOrder: 'in-order', pubackWaitMs: 60_000, limits: { publishesPerSecond: 1_000 } },
      async (other) => {
        const device = await other.connected(5);
        for (const id of numbers(101)) publish(device, 'window', { messageId: id });
        await other.ended(device, { refusal: 'receive-maximum', disconnectReason: clientError, code: 0x93 });
      },
    ));

  for (const version of both) {
    test(`2.2 Unacked QoS1 outbound per client: 100, ${nameOf(version)}: sending stops`, () =>
      withOptions({ limits: { publishesPerSecond: 1_000 } }, async (other) => {
        const device = await other.connected(version);
        await device.subscribe([{ topic: 'down', qos: 1 }]);
        for (const n of numbers(103)) {
          other.emulator.dataPlane.publish({ topic: 'down', payload: Buffer.from(String(n)), qos: 1 });
        }
        await alive(device);
        assert.equal(device.count('publish'), 100);
        await device.receive();
        await alive(device);
        assert.equal(device.count('publish'), 101);
      }));

    test(`2.2 QoS1 retry to client: under a new identifier without DUP, up to 1 h, then dropped, ${nameOf(version)}`, () =>
      withOptions({ redeliverAfterMs: 1_000_000 }, async (other) => {
        const device = await other.connected(version, 'slow', { keepalive: 1_200 });
        await device.subscribe([{ topic: 'again', qos: 1 }]);
        other.emulator.dataPlane.publish({ topic: 'again', payload: Buffer.from('x'), qos: 1 });
        const pulse = async () => {
          other.advance(1_000_000);
          await alive(device);
        };
        for (const _ of numbers(5)) await pulse();
        const copies = device.packets.flatMap(({ packet }) => (packet.cmd === 'publish' ? [packet] : []));
        assert.deepEqual(
          copies.map(({ messageId, dup }) => [messageId, dup]),
          [
            [1, false],
            [2, false],
            [3, false],
            [4, false],
          ],
        );
      }));

    test(`2.2 CONNECT per second per client ID: 1, throttled, ${nameOf(version)}`, () =>
      withOptions({ connectsPerSecondPerClientId: 1 }, async (strict) => {
        await strict.connected(version, 'often');
        const second = await strict.dial(version);
        second.sendBytes(second.connectBytes('often'));
        await second.closed();
        assert.deepEqual(strict.refusals('often'), ['client-id-connect-rate']);
        strict.advance(1_000);
        await strict.connected(version, 'often');
      }));

    test(`2.2 CONNECT per second per account: 500, ${nameOf(version)}`, () =>
      withOptions({ connectsPerSecond: 2 }, async (strict) => {
        await strict.connected(version, 'one');
        await strict.connected(version, 'two');
        const third = await strict.dial(version);
        third.sendBytes(third.connectBytes('three'));
        await third.closed();
        assert.deepEqual(strict.refusals('three'), ['connect-rate']);
        strict.advance(1_000);
        await strict.connected(version, 'three');
      }));

    test(`2.2 Subscriptions per account per s: 500, ${nameOf(version)}: refused in SUBACK`, () =>
      withOptions({ limits: { filtersPerSecond: 3 } }, async (strict) => {
        const device = await strict.connected(version);
        assert.deepEqual(await device.subscribe(filters(3)), [1, 1, 1]);
        assert.deepEqual(await device.subscribe(filters(1, 'g')), [version === 5 ? 0x97 : 0x80]);
        strict.advance(1_000);
        assert.deepEqual(await device.subscribe(filters(1, 'g')), [1]);
      }));

    test(`2.2 Inbound / outbound publishes per s per account, ${nameOf(version)}: discarded`, () =>
      withOptions({ publishesPerSecond: 3 }, async (strict) => {
        const [one, other] = [await strict.connected(version), await strict.connected(version)];
        for (const device of [one, one, other, other]) publish(device, 'account', { qos: 0 });
        await Promise.all([alive(one), alive(other)]);
        assert.equal(strict.messages().length, 3);
        assert.equal(strict.emulator.broker.refusals.count('publish-rate'), 1);
      }));

    test(`2.2 Persistent session expiry: 1 h default, ${nameOf(version)}`, () =>
      withOptions({}, async (other) => {
        const clean =
          version === 5 ? { clean: false, properties: { sessionExpiryInterval: 86_400 } } : { clean: false };
        const first = await other.connected(version, 'lasting', clean);
        assert.equal(first.connack.sessionPresent, false);
        if (version === 5) assert.equal(first.connack.properties?.sessionExpiryInterval, 3_600);
        await first.subscribe([{ topic: 'kept', qos: 1 }]);
        await first.disconnect();
        await other.event('lasting', 'disconnected');
        other.advance(3_599_000);
        const second = await other.connected(version, 'lasting', clean);
        assert.equal(second.connack.sessionPresent, true);
        await second.disconnect();
        await other.event('lasting', 'disconnected', 2);
        other.advance(3_600_000);
        const third = await other.connected(version, 'lasting', clean);
        assert.equal(third.connack.sessionPresent, false);
      }));

    test(`2.2 Stored-message replay: 10/s per client, ${nameOf(version)}`, () =>
      withOptions({}, async (other) => {
        const clean = version === 5 ? { clean: false, properties: { sessionExpiryInterval: 3_600 } } : { clean: false };
        const first = await other.connected(version, 'away', clean);
        await first.subscribe([{ topic: 'stored', qos: 1 }]);
        await first.disconnect();
        await other.event('away', 'disconnected');
        for (const n of numbers(30)) {
          other.emulator.dataPlane.publish({ topic: 'stored', payload: Buffer.from(String(n)), qos: 1 });
        }
        const second = await other.connected(version, 'away', clean);
        const atMs = other.emulator.dataPlane.desk.nowMs();
        other.advance(1_000);
        await alive(second);
        const elapsedMs = other.emulator.dataPlane.desk.nowMs() - atMs;
        const count = second.count('publish');
        assert.ok(count >= 10 && count <= 2 + elapsedMs / 100, `${count} in ${elapsedMs} ms`);
        other.advance(3_000);
        await alive(second);
        assert.equal(second.count('publish'), 30);
      }));

    test(`2.2 Queued messages per s per account: 500, ${nameOf(version)}`, () =>
      withOptions({ queuedPerSecond: 2 }, async (other) => {
        const clean = version === 5 ? { clean: false, properties: { sessionExpiryInterval: 3_600 } } : { clean: false };
        const first = await other.connected(version, 'away', clean);
        await first.subscribe([{ topic: 'stored', qos: 1 }]);
        await first.disconnect();
        await other.event('away', 'disconnected');
        for (const n of numbers(3)) {
          other.emulator.dataPlane.publish({ topic: 'stored', payload: Buffer.from(String(n)), qos: 1 });
        }
        assert.deepEqual(other.refusals('away'), ['queue-rate']);
        assert.equal(other.emulator.broker.sessions.get('away')?.stored.size, 2);
      }));
  }

  test('2.2 Stored-message replay: a shared-subscription queue drains 20/s per active member', () =>
    withOptions({}, async (other) => {
      const member = await other.connected(4, 'member', { clean: false });
      await member.subscribe([{ topic: '$share/group/work', qos: 1 }]);
      await member.disconnect();
      await other.event('member', 'disconnected');
      for (const n of numbers(30)) {
        other.emulator.dataPlane.publish({ topic: 'work', payload: Buffer.from(String(n)), qos: 1 });
      }
      const again = await other.connected(4, 'member', { clean: false });
      const atMs = other.emulator.dataPlane.desk.nowMs();
      other.advance(1_000);
      await alive(again);
      const elapsedMs = other.emulator.dataPlane.desk.nowMs() - atMs;
      const count = again.count('publish');
      assert.ok(count >= 19 && count <= 1 + elapsedMs / 50, `${count} in ${elapsedMs} ms`);
      other.advance(1_000);
      await alive(again);
      assert.equal(again.count('publish'), 30);
    }));

  test('2.2 Message expiry (v5): 1..604,800 s; 0→1; larger clamped', () =>
    withOptions({}, async (other) => {
      const device = await other.connected(5);
      await device.subscribe([{ topic: 'expiring', qos: 0 }]);
      for (const [said, comes] of [
        [0, 1],
        [60, 60],
        [10_000_000, 604_800],
      ]) {
        await device.publish({ topic: 'expiring', properties: { messageExpiryInterval: said as number } });
        assert.equal((await device.receive()).properties?.messageExpiryInterval, comes);
      }
      const away = { clean: false, properties: { sessionExpiryInterval: 3_600 } };
      const reader = await other.connected(5, 'reader', away);
      await reader.subscribe([{ topic: 'expiring', qos: 1 }]);
      await reader.disconnect();
      await other.event('reader', 'disconnected');
      await device.publish({ topic: 'expiring', qos: 1, payload: 'short', properties: { messageExpiryInterval: 10 } });
      await device.publish({ topic: 'expiring', qos: 1, payload: 'long', properties: { messageExpiryInterval: 100 } });
      other.advance(20_000);
      const again = await other.connected(5, 'reader', away);
      const left = await again.receive();
      assert.equal(left.payload.toString(), 'long');
      assert.ok((left.properties?.messageExpiryInterval ?? 0) <= 80);
    }));

  test('2.2 Topic aliases: 8, v5 DISCONNECT 0x94', async () => {
    const device = await world.connected(5);
    assert.equal(device.connack.properties?.topicAliasMaximum, 8);
    await device.publish({ topic: 'aliased', payload: 'first', qos: 1, properties: { topicAlias: 8 } });
    await device.publish({ topic: '', payload: 'second', qos: 1, properties: { topicAlias: 8 } });
    const messages = world.messages().filter(({ topic }) => topic === 'aliased');
    assert.deepEqual(
      messages.map(({ payload }) => payload.toString()),
      ['first', 'second'],
    );
    publish(device, 'aliased', { properties: { topicAlias: 9 } });
    await world.ended(device, { refusal: 'topic-alias', disconnectReason: clientError, code: 0x94 });
    const unknown = await world.connected(5);
    publish(unknown, '', { properties: { topicAlias: 3 } });
    await world.ended(unknown, { refusal: 'topic-alias', disconnectReason: clientError, code: 0x94 });
  });

  test('2.2 Retained messages: one per topic; throttled when the store is full', () =>
    withOptions({ bounds: { retainedMessages: 2 }, pubackOrder: 'in-order', pubackWaitMs: 0 }, async (other) => {
      const device = await other.connected(5);
      for (const topic of ['r/1', 'r/2', 'r/1']) {
        assert.equal((await device.publish({ topic, payload: 'kept', qos: 1, retain: true }))?.cmd, 'puback');
      }
      publish(device, 'r/3', { retain: true });
      assert.equal((await device.nextWire('puback')).bytes.toString('hex'), '4003000797');
      assert.deepEqual(other.refusals(device.clientId), ['retained-full']);
      await device.publish({ topic: 'r/1', payload: '', qos: 1, retain: true });
      await device.publish({ topic: 'r/3', payload: 'kept', qos: 1, retain: true });
      assert.equal(other.emulator.broker.retainedMessages.size, 2);
    }));

  test('2.2 Connections per account: those beyond the bound are closed at once', () =>
    withOptions({ bounds: { connections: 1 } }, async (other) => {
      const device = await other.connected(4);
      const further = await other.dial(4).catch(() => undefined);
      await further?.closed();
      assert.equal(other.emulator.broker.refusals.count('too-many-connections'), 1);
      await alive(device);
    }));
});
