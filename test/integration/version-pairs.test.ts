import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, suite, test } from 'node:test';
import type { IConnectPacket, IPublishPacket } from 'mqtt-packet';
import { type GatewayUnderTest, startGatewayUnderTest } from './gateway-under-test.ts';
import { type MosquittoBroker, startMosquitto } from './mosquitto-broker.ts';
import { WireDevice } from './wire-device.ts';
import type { WireVersion } from './wire-frames.ts';

const upstreams = ['3.1', '3.1.1', '5'] as const;
/** As Mosquitto logs the version of a CONNECT. */
const loggedVersion = { '3.1': 'p1', '3.1.1': 'p2', '5': 'p5' } as const;
const nameOf = { 3: '3.1', 4: '3.1.1', 5: '5' } as const;

suite('Every version of a device lives on every version of a broker', { timeout: 60_000 }, () => {
  const held = new AsyncDisposableStack();
  const gateways = new Map<string, GatewayUnderTest>();
  let broker: MosquittoBroker;
  before(async () => {
    broker = held.use(await startMosquitto());
    const started = upstreams.map(async (version) => {
      const legacy = { url: broker.url, versions: [version] };
      gateways.set(version, held.use(await startGatewayUnderTest({ brokers: { legacy } })));
    });
    // What does not start fails the tests of its version alone.
    await Promise.allSettled(started);
  });
  after(() => held.disposeAsync());

  for (const version of [3, 4, 5] as const) {
    for (const upstream of upstreams) {
      test(`a device of ${nameOf[version]} on a broker spoken to in ${upstream}`, async () => {
        const gateway = gateways.get(upstream);
        assert.ok(gateway, 'the gateway has started');
        const from = broker.log.length;
        const expected = await live(broker, { port: broker.port, version });
        const seen = await live(broker, { port: gateway.plainPort, version });
        assert.deepEqual(seen, expected);
        assert.equal(seen.received.length, 9);
        const spoken = broker.log.slice(from).flatMap((line) => / as v\w+-b \((p\d)/.exec(line)?.[1] ?? []);
        assert.deepEqual([...new Set(spoken.slice(2))], [loggedVersion[upstream]]);
      });
    }
  }
});

/** A life with a session, a will, messages both ways and while away; what all sides saw of it. */
async function live(broker: MosquittoBroker, door: { readonly port: number; readonly version: WireVersion }) {
  const tag = `v${randomBytes(4).toString('hex')}`;
  using other = await WireDevice.dial(broker, 4);
  await other.connect(`${tag}-o`);
  await other.subscribe([
    { topic: `${tag}/up/#`, qos: 2 },
    { topic: `${tag}/will`, qos: 2 },
  ]);
  const lasting: Partial<IConnectPacket> = {
    clean: false,
    ...(door.version === 5 ? { properties: { sessionExpiryInterval: 60 } } : {}),
    will: { topic: `${tag}/will`, payload: Buffer.from('gone'), qos: 2, retain: false },
  };
  const enter = async () => {
    const device = await WireDevice.dial(door, door.version);
    const connack = await device.connect(`${tag}-b`, lasting);
    return { device, isPresent: door.version === 3 ? undefined : connack.sessionPresent };
  };
  const { device, isPresent } = await enter();
  const granted = await device.subscribe(
    [0, 1, 2].map((qos) => ({ topic: `${tag}/down/${qos}`, qos: qos as 0 | 1 | 2 })),
  );
  const received: string[] = [];
  const heard: string[] = [];
  const describe = ({ topic, payload, qos, retain }: IPublishPacket) =>
    `${topic} ${payload} q${qos} r${retain ? 1 : 0}`;
  for (const qos of [0, 1, 2] as const) {
    await device.publish({ topic: `${tag}/up/${qos}`, payload: `up ${qos}`, qos });
    heard.push(describe(await other.receive()));
    await other.publish({ topic: `${tag}/down/${qos}`, payload: `down ${qos}`, qos: 2 });
    received.push(describe(await device.receive()));
  }
  await other.publish({ topic: `${tag}/down/1`, payload: 'kept', qos: 1, retain: true });
  received.push(describe(await device.receive()));
  const again = await device.subscribe([{ topic: `${tag}/down/1`, qos: 1 }]);
  received.push(describe(await device.receive()));
  await other.publish({ topic: `${tag}/down/1`, payload: '', qos: 1, retain: true });
  received.push(describe(await device.receive()));
  await device.unsubscribe(`${tag}/down/0`);

  device.socket.destroy();
  heard.push(describe(await other.receive()));
  for (const qos of [0, 1, 2] as const) await other.publish({ topic: `${tag}/down/${qos}`, payload: 'missed', qos });
  const { device: back, isPresent: isStillPresent } = await enter();
  for (const _ of [1, 2]) received.push(describe(await back.receive()));
  await other.publish({ topic: `${tag}/down/2`, payload: 'live', qos: 2 });
  received.push(describe(await back.receive()));
  await back.disconnect();
  const plain = { isPresent, isStillPresent, granted, again, received, heard };
  return JSON.parse(JSON.stringify(plain).replaceAll(tag, 'TAG')) as typeof plain;
}
