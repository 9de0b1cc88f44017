import assert from 'node:assert/strict';
import type { WireDevice } from '../wire-device.ts';
import type { AdaptationWorld } from './adaptation-world.ts';
import type { SwitchName } from './switched-off.ts';

/** What a device does that AWS IoT Core does not take, or does otherwise, and what the device is to see of it. */
export interface Scenario {
  /** The row of section 9 of the facts on AWS IoT Core. */
  readonly name: string;
  /** Without which it fails; absent: the gateway does it in front of every broker. */
  readonly needs?: SwitchName;
  readonly run: (world: AdaptationWorld) => Promise<void>;
}

const tooDeep = '1/2/3/4/5/6/7/8/9';
const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
const textOf = ({ payload }: { readonly payload: Buffer | string }) => payload.toString();

export const scenarios: readonly Scenario[] = [
  {
    name: 'MQTT 3.1 lives on a broker that takes 3.1.1 and 5',
    needs: 'protocol version',
    run: async (world) => {
      const device = await world.connect('old', 3);
      await echo(world, device, 'old');
    },
  },
  {
    name: 'QoS 2 PUBLISH is exchanged to its end',
    needs: 'QoS 2',
    run: async (world) => {
      const third = await world.thirdParty('third');
      await third.subscribe([{ topic: topic(world, 'qos2'), qos: 1 }]);
      const device = await world.connect('qos2', 4);
      await device.publish({ topic: topic(world, 'qos2'), payload: 'once', qos: 2 });
      assert.equal(textOf(await third.receive()), 'once');
    },
  },
  {
    name: 'SUBSCRIBE QoS 2 is granted as 2',
    needs: 'QoS 2',
    run: async (world) => {
      const device = await world.connect('granted', 4);
      assert.deepEqual(await device.subscribe([{ topic: topic(world, 'granted'), qos: 2 }]), [2]);
    },
  },
  {
    name: 'a will of QoS 2 is sent',
    needs: 'QoS 2',
    run: async (world) => {
      const third = await world.thirdParty('heir');
      await third.subscribe([{ topic: topic(world, 'will'), qos: 1 }]);
      const will = { topic: topic(world, 'will'), payload: Buffer.from('gone'), qos: 2, retain: false } as const;
      const device = await world.connect('mortal', 4, { will });
      device.socket.destroy();
      assert.equal(textOf(await third.receive()), 'gone');
    },
  },
  {
    name: 'keep alive 0: the broker is asked for one by which it notices a loss',
    needs: 'keep alive',
    run: async (world) => {
      await world.connect('restless', 4, { keepalive: 0 });
      const seconds = world.aws.broker.live(`${world.prefix}restless`)?.client.agreed.keepAliveSeconds;
      assert.ok(seconds !== undefined && seconds <= 300, `${seconds} s`);
    },
  },
  {
    name: 'CONNECT and SUBSCRIBE in one write',
    run: async (world) => {
      const device = await world.dial(4);
      device.sendBytes(device.connectBytes(`${world.prefix}eager`), subscribeBytes(topic(world, 'eager')));
      assert.equal((await device.next('connack')).returnCode, 0);
      assert.deepEqual((await device.next('suback')).granted, [1]);
    },
  },
  {
    name: '`sensor/#` matches `sensor`',
    needs: 'parent level',
    run: async (world) => {
      const device = await world.connect('parent', 4);
      await device.subscribe([{ topic: `${topic(world, 'parent')}/#`, qos: 1 }]);
      const third = await world.thirdParty('child');
      await third.publish({ topic: topic(world, 'parent'), payload: 'up', qos: 1 });
      assert.equal(textOf(await device.receive()), 'up');
    },
  },
  {
    name: 'more than 8 filters in a SUBSCRIBE',
    needs: 'SUBSCRIBE in parts',
    run: async (world) => {
      const device = await world.connect('filters', 4);
      const filters = numbers(20).map((number) => ({ topic: topic(world, `f${number}`), qos: 1 as const }));
      assert.deepEqual(await device.subscribe(filters), numbers(20).fill(1));
    },
  },
  {
    name: 'more than 8 filters in an UNSUBSCRIBE',
    needs: 'UNSUBSCRIBE in parts',
    run: async (world) => {
      const device = await world.connect('leaver', 4);
      const filters = numbers(20).map((number) => topic(world, `g${number}`));
      for (const filter of filters) await device.subscribe([{ topic: filter, qos: 1 }]);
      await device.unsubscribe(...filters);
    },
  },
  {
    name: 'a client ID that begins with `$`',
    needs: 'client ID',
    run: async (world) => void (await named(world, `$${world.prefix}dollar`)),
  },
  {
    name: 'a client ID of more than 128 bytes',
    needs: 'client ID',
    run: async (world) => void (await named(world, world.prefix + 'x'.repeat(200))),
  },
  {
    name: 'an empty client ID with clean session',
    needs: 'client ID',
    run: async (world) => void (await named(world, '')),
  },
  {
    name: 'a device that was promised ten topic aliases has them',
    needs: 'topic aliases',
    run: async (world) => {
      const device = await world.dial(5);
      const { properties } = await device.connect(`${world.prefix}alias`);
      assert.equal(properties?.topicAliasMaximum, 10);
      for (const topicAlias of numbers(10)) {
        await device.publish({ topic: topic(world, 'alias'), qos: 1, properties: { topicAlias } });
      }
      await device.publish({ topic: '', qos: 1, properties: { topicAlias: 10 } });
    },
  },
  {
    name: 'subscription identifiers (MQTT 5)',
    needs: 'subscription identifiers',
    run: async (world) => {
      const device = await world.connect('identified', 5);
      await device.subscribe([{ topic: topic(world, 'identified'), qos: 1 }], { subscriptionIdentifier: 7 });
      await device.publish({ topic: topic(world, 'identified'), payload: 'x', qos: 1 });
      assert.equal((await device.receive()).properties?.subscriptionIdentifier, 7);
    },
  },
  {
    name: 'No Local (MQTT 5)',
    needs: 'No Local',
    run: async (world) => {
      const device = await world.connect('deaf', 5);
      await device.subscribe([{ topic: topic(world, 'deaf'), qos: 1, nl: true }]);
      await device.publish({ topic: topic(world, 'deaf'), payload: 'own', qos: 1 });
      const third = await world.thirdParty('loud');
      await third.publish({ topic: topic(world, 'deaf'), payload: 'other', qos: 1 });
      assert.equal(textOf(await device.receive()), 'other');
    },
  },
  {
    name: 'Retain Handling (MQTT 5)',
    needs: 'Retain Handling',
    run: async (world) => {
      const device = await world.connect('unretained', 5);
      await device.publish({ topic: topic(world, 'kept'), payload: 'kept', qos: 1, retain: true });
      await device.subscribe([{ topic: topic(world, 'kept'), qos: 1, rh: 2 }]);
      await device.publish({ topic: topic(world, 'kept'), payload: 'live', qos: 1 });
      assert.equal(textOf(await device.receive()), 'live');
    },
  },
  {
    name: 'a will with a delay (MQTT 5)',
    needs: 'will delay',
    run: async (world) => {
      const third = await world.thirdParty('patient');
      await third.subscribe([{ topic: topic(world, 'late'), qos: 1 }]);
      const properties = { willDelayInterval: 30 };
      const will = { topic: topic(world, 'late'), payload: Buffer.from('late'), qos: 1, retain: false, properties };
      const fields = { clean: false, properties: { sessionExpiryInterval: 60 } };
      const device = await world.connect('delayed', 5, { ...fields, will: { ...will, qos: 1 } });
      device.socket.destroy();
      // Back in time: there is nothing to be sent, then or later.
      const back = await world.dial(5);
      await back.connect(`${world.prefix}delayed`, fields);
      await back.publish({ topic: topic(world, 'late'), payload: 'back', qos: 1 });
      assert.equal(textOf(await third.receive()), 'back');
    },
  },
  {
    name: 'more than 100 messages a second',
    needs: 'publish rate',
    run: async (world) => {
      const third = await world.thirdParty('counter-a');
      const fourth = await world.thirdParty('counter-b');
      // Two listeners for half each: what they are sent counts towards their own rate.
      await third.subscribe([{ topic: topic(world, 'rate/odd'), qos: 0 }]);
      await fourth.subscribe([{ topic: topic(world, 'rate/even'), qos: 0 }]);
      const device = await world.connect('rapid', 4);
      for (const number of numbers(150)) {
        const name = number % 2 === 0 ? 'rate/even' : 'rate/odd';
        device.send({
          cmd: 'publish',
          topic: topic(world, name),
          payload: `${number}`,
          qos: 0,
          dup: false,
          retain: false,
        });
      }
      await third.until('the odd half', () => third.count('publish') === 75);
      await fourth.until('the even half', () => fourth.count('publish') === 75);
    },
  },
  {
    name: 'PUBACKs out of order are put back into it',
    needs: 'order of PUBACKs',
    run: async (world) => {
      const device = await world.connect('ordered', 4);
      const identifiers = numbers(60);
      const publish = {
        cmd: 'publish',
        topic: topic(world, 'ordered'),
        payload: 'x',
        qos: 1,
        dup: false,
        retain: false,
      } as const;
      device.send(...identifiers.map((messageId) => ({ ...publish, messageId })));
      const acknowledged: (number | undefined)[] = [];
      for (const _ of identifiers) acknowledged.push((await device.next('puback')).messageId);
      assert.deepEqual(acknowledged, identifiers);
    },
  },
  {
    name: 'a device that comes back at once',
    needs: 'CONNECT rate of a client ID',
    run: async (world) => {
      for (const _ of numbers(3)) {
        const device = await world.connect('hasty', 4);
        await device.disconnect();
      }
    },
  },
  {
    name: 'a payload of more than 128 KB goes to the source',
    needs: 'size of a payload',
    run: (world) => sentBack(world, 'large', { topic: 'large', payload: Buffer.alloc(131_073, 'x') }),
  },
  {
    name: 'a topic of more than 256 bytes goes to the source',
    needs: 'length of a topic',
    run: (world) => sentBack(world, 'long', { topic: 't'.repeat(257), payload: 'x' }),
  },
  {
    name: 'a topic of more than 7 slashes goes to the source',
    needs: 'levels of a topic',
    run: (world) => sentBack(world, 'deep', { topic: tooDeep, payload: 'x' }),
  },
  {
    name: '`$SYS/#` is answered, not passed on',
    needs: 'reserved topics',
    run: async (world) => {
      const device = await world.connect('nosy', 4);
      assert.deepEqual(await device.subscribe([{ topic: '$SYS/#', qos: 0 }]), [0x80]);
      await echo(world, device, 'nosy');
    },
  },
  {
    name: 'more than 50 subscriptions are answered, not passed on',
    needs: 'number of subscriptions',
    run: async (world) => {
      const device = await world.connect('collector', 4);
      const granted = await device.subscribe(
        numbers(51).map((number) => ({ topic: topic(world, `s${number}`), qos: 1 as const })),
      );
      assert.deepEqual([granted.slice(0, 50), granted[50]], [numbers(50).fill(1), 0x80]);
      await device.publish({ topic: topic(world, 's1'), payload: 'x', qos: 1 });
      assert.equal(textOf(await device.receive()), 'x');
    },
  },
];

/** Rejects where the device sees something else, or the emulator refused something. */
export async function playScenario({ run }: Scenario, world: AdaptationWorld): Promise<void> {
  await run(world);
  assert.deepEqual(world.refusals(), [], 'the emulator refused nothing');
}

function topic(world: AdaptationWorld, name: string): string {
  return `${world.prefix}/${name}`;
}

async function echo(world: AdaptationWorld, device: WireDevice, name: string): Promise<void> {
  await device.subscribe([{ topic: topic(world, name), qos: 1 }]);
  await device.publish({ topic: topic(world, name), payload: 'echo', qos: 1 });
  assert.equal(textOf(await device.receive()), 'echo');
}

async function named(world: AdaptationWorld, clientId: string): Promise<void> {
  const device = await world.dial(4);
  assert.equal((await device.connect(clientId)).returnCode, 0);
  await echo(world, device, `named-${clientId.length}`);
}

/** The message cannot be carried: the device is closed, and finds the source when it comes back. */
async function sentBack(
  world: AdaptationWorld,
  name: string,
  message: { readonly topic: string; readonly payload: Buffer | string },
): Promise<void> {
  const device = await world.connect(name, 4);
  device.send({ cmd: 'publish', ...message, qos: 1, messageId: 1, dup: false, retain: false });
  await device.closed();
  const back = await world.connect(name, 4);
  await back.publish({ ...message, qos: 1 });
}

function subscribeBytes(filter: string): Buffer {
  const length = Buffer.byteLength(filter);
  return Buffer.concat([Buffer.from([0x82, length + 5, 0, 1, 0, length]), Buffer.from(filter), Buffer.from([1])]);
}
