import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { answerOf } from '../e2e/gateway-process.ts';
import { LimitedWorld } from './limited-world.ts';
import type { WireDevice } from './wire-device.ts';
import type { WireVersion } from './wire-frames.ts';

const tooDeep = '1/2/3/4/5/6/7/8/9';
const tooLarge = Buffer.alloc(131_073, 'x');

/** What the target cannot carry, and what the device of each version is told. */
interface Refusal {
  readonly name: string;
  /** Provokes it; answers the codes that the device got, or 'closed'. */
  readonly provoke: (device: WireDevice) => Promise<readonly number[] | 'closed'>;
  readonly told: Readonly<Record<WireVersion, (answer: readonly number[] | 'closed') => boolean>>;
  /** Does on the source what was refused on the target; answers whether it went well. */
  readonly repeat: (device: WireDevice) => Promise<boolean>;
}

const isClosed = (answer: readonly number[] | 'closed') => answer === 'closed';
const isRefusal =
  (...codes: readonly number[]) =>
  (answer: readonly number[] | 'closed') =>
    answer !== 'closed' && codes.includes(answer.at(-1) ?? 0);

const publishRefused = { 3: isClosed, 4: isClosed } as const;
const subscribeRefused = {
  3: (answer: readonly number[] | 'closed') => isClosed(answer) || answer.length > 0,
  4: isRefusal(0x80),
} as const;

const refusals: readonly Refusal[] = [
  {
    name: 'a payload of 131 073 bytes',
    provoke: (device) => publishOnce(device, 'large/x', tooLarge),
    // No reason code of PUBACK says "too large"; these three may stand for it.
    told: { ...publishRefused, 5: isRefusal(0x80, 0x83, 0x97) },
    repeat: (device) => succeeds(publishOnce(device, 'large/x', tooLarge)),
  },
  {
    name: 'a topic name of nine levels',
    provoke: (device) => publishOnce(device, tooDeep, 'x'),
    told: { ...publishRefused, 5: isRefusal(0x90) },
    repeat: (device) => succeeds(publishOnce(device, tooDeep, 'x')),
  },
  {
    name: 'a topic name of 257 bytes',
    provoke: (device) => publishOnce(device, 't'.repeat(257), 'x'),
    told: { ...publishRefused, 5: isRefusal(0x90) },
    repeat: (device) => succeeds(publishOnce(device, 't'.repeat(257), 'x')),
  },
  {
    name: 'a filter of nine levels',
    provoke: (device) => subscribeOnce(device, [`${tooDeep}/#`]),
    told: { ...subscribeRefused, 5: isRefusal(0x8f) },
    repeat: (device) => succeeds(subscribeOnce(device, [`${tooDeep}/#`])),
  },
  {
    name: 'a subscription to the broker’s own topics',
    provoke: (device) => subscribeOnce(device, ['$SYS/broker/version']),
    told: { ...subscribeRefused, 5: isRefusal(0x80, 0x87, 0x8f) },
    repeat: async (device) => {
      await subscribeOnce(device, ['$SYS/broker/version']);
      return (await device.receive()).payload.includes('mosquitto');
    },
  },
  {
    name: 'the 51st filter',
    provoke: (device) =>
      subscribeOnce(
        device,
        Array.from({ length: 51 }, (_, index) => `f/${index}`),
      ),
    told: { ...subscribeRefused, 5: isRefusal(0x97) },
    repeat: (device) =>
      succeeds(
        subscribeOnce(
          device,
          Array.from({ length: 51 }, (_, index) => `f/${index}`),
        ),
      ),
  },
];

suite('What cannot be carried is refused, and the device goes back to the source', { timeout: 90_000 }, () => {
  let world: LimitedWorld;
  before(async () => {
    world = await LimitedWorld.open();
  });
  after(() => world[Symbol.asyncDispose]());

  for (const [row, { name, provoke, told, repeat }] of refusals.entries()) {
    for (const version of [3, 4, 5] as const) {
      test(`MQTT ${version}: ${name}`, async () => {
        const clientId = `refused-${row}-${version}`;
        const device = await world.connect(clientId, version);
        assert.equal(await world.homeOf(clientId), 'aws');
        const answer = await provoke(device);
        assert.ok(told[version](answer), `it was told ${JSON.stringify(answer)}`);
        assert.deepEqual(world.violations(clientId), [], 'the broker never saw it');
        if (!device.isClosed) await device.disconnect();

        const back = await world.connect(clientId, version);
        assert.equal(await world.homeOf(clientId), 'legacy');
        assert.ok(await repeat(back), 'it goes well on the source');
        assert.deepEqual(
          world.legacy.connectedClientIds().filter((one) => one === clientId),
          [clientId],
        );
      });
    }
  }

  for (const [name, topic] of [
    ['nine levels', tooDeep],
    ['a reserved topic', '$SYS/x'],
  ] as const) {
    for (const [version, code] of [
      [3, 3],
      [4, 3],
      [5, 0x88],
    ] as const) {
      test(`MQTT ${version}: a will on ${name}`, async () => {
        const clientId = `will-${name.length}-${version}`;
        const device = await world.dial(version);
        const { returnCode, reasonCode } = await device.connect(clientId, {
          will: { topic, payload: Buffer.from('x') },
        });
        // Let in on the source at once, or told to come again and then let in there.
        if ((returnCode ?? reasonCode) !== 0) {
          assert.equal(returnCode ?? reasonCode, code);
          await device.closed();
          await world.connect(clientId, version, { will: { topic, payload: Buffer.from('x') } });
        }
        assert.equal(await world.homeOf(clientId), 'legacy');
        assert.deepEqual(world.violations(clientId), []);
      });
    }
  }

  test('a refusal on one device leaves the others where they are', async () => {
    const neighbour = await world.connect('neighbour', 4);
    const device = await world.connect('one', 4);
    await publishOnce(device, tooDeep, 'x');
    await neighbour.publish({ topic: 'neighbour/x', qos: 1 });
    await neighbour.disconnect();
    await world.connect('neighbour', 4);
    assert.equal(await world.homeOf('neighbour'), 'aws');
  });

  test('what was in flight beside a refused message is acknowledged all the same', async () => {
    const device = await world.connect('beside', 5);
    const publication = { cmd: 'publish', payload: 'x', qos: 1, dup: false, retain: false } as const;
    device.send(
      { ...publication, topic: 'beside/1', messageId: 1 },
      { ...publication, topic: tooDeep, messageId: 2 },
      { ...publication, topic: 'beside/3', messageId: 3 },
    );
    await device.until('three PUBACKs', () => device.count('puback') === 3);
    const answers = device.packets.flatMap(({ packet }) =>
      packet.cmd === 'puback' ? [[packet.messageId, (packet.reasonCode ?? 0) < 0x80]] : [],
    );
    assert.deepEqual(answers, [
      [1, true],
      [2, false],
      [3, true],
    ]);
  });

  test('the assessment names the device and why', async () => {
    const device = await world.connect('assessed', 5);
    await publishOnce(device, tooDeep, 'x');
    const assessment = answerOf(await world.gateway.admin.assessment());
    assert.match(JSON.stringify(assessment), /topic-depth/);
  });
});

async function publishOnce(
  device: WireDevice,
  topic: string,
  payload: string | Buffer,
): Promise<readonly number[] | 'closed'> {
  const messageId = device.nextIdentifier();
  device.send({ cmd: 'publish', topic, payload, qos: 1, dup: false, retain: false, messageId });
  await device.until('PUBACK or the end', () => device.count('puback') > 0 || device.isClosed);
  if (device.count('puback') === 0) return 'closed';
  return [(await device.next('puback')).reasonCode ?? 0];
}

async function subscribeOnce(device: WireDevice, filters: readonly string[]): Promise<readonly number[] | 'closed'> {
  const subscriptions = filters.map((topic) => ({ topic, qos: 1 as const, nl: false, rap: false, rh: 0 }));
  device.send({ cmd: 'subscribe', messageId: device.nextIdentifier(), subscriptions });
  await device.until('SUBACK or the end', () => device.count('suback') > 0 || device.isClosed);
  if (device.count('suback') === 0) return 'closed';
  return (await device.next('suback')).granted as number[];
}

async function succeeds(answer: Promise<readonly number[] | 'closed'>): Promise<boolean> {
  const codes = await answer;
  return codes !== 'closed' && codes.every((code) => code < 0x80);
}
