import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import { encodeSubscriptions } from '../../src/mqtt/remembered-subscriptions.ts';
import { createGatewayWorld, type GatewayWorld, metricValue } from './gateway-world.ts';
import { type ConnectScript, connackAccepted5 } from './scripted-broker.ts';
import { connectBytes, TestDevice } from './test-device.ts';
import { until } from './until.ts';

let world: GatewayWorld;
const devices: TestDevice[] = [];

afterEach(async () => {
  for (const { socket } of devices.splice(0)) socket.destroy();
  await world.stop();
});

async function dial(version: 4 | 5 = 4): Promise<TestDevice> {
  const device = await TestDevice.dial(world.port, version);
  devices.push(device);
  return device;
}

describe('the first packet', () => {
  const cases: [name: string, bytes: Buffer, reason: string][] = [
    ['garbage', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'not-connect'],
    ['a PUBLISH', Buffer.from([0x30, 0x03, 0x00, 0x01, 0x61]), 'not-connect'],
    ['a header of 256 MB', Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f]), 'packet-size'],
    ['a CONNECT of more than 64 KiB', Buffer.from([0x10, 0xfe, 0xff, 0x03]), 'packet-size'],
    ['a length of five bytes', Buffer.from([0x10, 0x80, 0x80, 0x80, 0x80, 0x01]), 'malformed'],
    [
      'a CONNECT with trailing bytes',
      Buffer.from([0x10, 14, 0, 4, 77, 81, 84, 84, 4, 2, 0, 60, 0, 1, 97, 0]),
      'malformed',
    ],
    ['a PROXY header from a peer that is not trusted', Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1'), 'not-connect'],
  ];
  for (const [name, bytes, reason] of cases) {
    it(`closes without an answer on ${name}`, async () => {
      world = await createGatewayWorld();
      const device = await dial();
      device.socket.write(bytes);
      await device.inbox.closed();
      assert.equal(device.inbox.bytes, 0);
      assert.equal(world.dials.length, 0);
      assert.equal(await metricValue(world.metrics.connectionsRefused, { reason }), 1);
      assert.equal(await metricValue(world.metrics.connections, { listener: 'devices' }), 0);
    });
  }

  it('is waited for until its deadline, and hundreds of silent devices keep nobody out', async () => {
    world = await createGatewayWorld({ limits: { firstPacketMs: 600 } });
    const silent = await Promise.all(Array.from({ length: 300 }, () => dial()));
    silent[0]?.socket.write(connectBytes('half').subarray(0, 5));
    const device = await dial();
    device.connect('served');
    assert.equal((await device.inbox.packet('connack'))['returnCode'], 0);
    await Promise.all(silent.map(({ inbox }) => inbox.closed()));
    assert.equal(await metricValue(world.metrics.connectionsRefused, { reason: 'timeout' }), 300);
    device.send({ cmd: 'pingreq' });
    await device.inbox.packet('pingresp');
  });

  it('is answered in the version of the device when a level is not supported or the client ID is not', async () => {
    world = await createGatewayWorld();
    const level6 = await dial();
    level6.socket.write(Buffer.from([0x10, 13, 0, 4, 77, 81, 84, 84, 6, 2, 0, 60, 0, 1, 97]));
    assert.equal((await level6.inbox.packet('connack'))['returnCode'], 1);
    await level6.inbox.closed();
    const level3 = await dial();
    level3.socket.write(Buffer.from([0x10, 13, 0, 4, 77, 81, 84, 84, 3, 2, 0, 60, 0, 1, 97]));
    assert.equal((await level3.inbox.packet('connack'))['returnCode'], 1);
    const nameless = await dial();
    nameless.socket.write(Buffer.from([0x10, 12, 0, 4, 77, 81, 84, 84, 4, 0, 0, 60, 0, 0]));
    assert.equal((await nameless.inbox.packet('connack'))['returnCode'], 2);
    const malformed5 = await dial(5);
    malformed5.socket.write(Buffer.from([0x10, 14, 0, 4, 77, 81, 84, 84, 5, 3, 0, 60, 0, 0, 1, 97]));
    assert.equal((await malformed5.inbox.packet('connack'))['reasonCode'], 0x81);
    await malformed5.inbox.closed();
    assert.equal(world.dials.length, 0);
  });
});

describe('enhanced authentication', () => {
  it('is refused and counted before a broker is asked, which is not blamed', async () => {
    world = await createGatewayWorld();
    const device = await dial(5);
    device.connect('meter-1', {
      properties: { authenticationMethod: 'SCRAM-SHA-256', authenticationData: Buffer.from('n,,n=user') },
    });
    assert.equal((await device.inbox.packet('connack'))['reasonCode'], 0x8c);
    await device.inbox.closed();
    assert.equal(await metricValue(world.metrics.connectionsRefused, { reason: 'authentication-method' }), 1);
    assert.equal(world.dials.length, 0);
    assert.equal(world.registry.claims.length, 0);
  });
});

describe('limits at accept', () => {
  it('closes connections beyond connectionsPerWorker and serves those that are in', async () => {
    world = await createGatewayWorld({ limits: { connectionsPerWorker: 2 } });
    const first = await dial();
    first.connect('a');
    await first.inbox.packet('connack');
    await dial();
    const third = await dial();
    await third.inbox.closed();
    assert.equal(await metricValue(world.metrics.connectionsRefused, { reason: 'connections' }), 1);
    first.send({ cmd: 'pingreq' });
    await first.inbox.packet('pingresp');
  });

  it('closes connections beyond pendingConnectionsPerWorker; one that connected is pending no more', async () => {
    world = await createGatewayWorld({ limits: { pendingConnectionsPerWorker: 1 } });
    const first = await dial();
    first.connect('a');
    await first.inbox.packet('connack');
    const second = await dial();
    const third = await dial();
    await third.inbox.closed();
    assert.equal(await metricValue(world.metrics.connectionsRefused, { reason: 'pending' }), 1);
    second.connect('b');
    await second.inbox.packet('connack');
  });
});

describe('a crowd of slow connections', () => {
  it('makes room for a device that speaks', async () => {
    world = await createGatewayWorld({ limits: { pendingConnectionsPerWorker: 50, firstPacketMs: 60_000 } });
    // From five addresses, because one may have a quarter of the places only; each sends one byte and no more.
    const silent = Array.from({ length: 50 }, (_, index) => {
      const socket = connect({ port: world.port, host: '127.0.0.1', localAddress: `127.0.0.${2 + (index % 5)}` });
      const device = new TestDevice(socket);
      socket.write(connectBytes('slow').subarray(0, 1));
      devices.push(device);
      return device;
    });
    await until(() => world.gateway.counts().connections === 50);
    // Slow for a second: from then on each may be closed for another.
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    for (const id of ['a', 'b', 'c']) {
      const device = await dial();
      device.connect(id);
      assert.equal((await device.inbox.packet('connack'))['returnCode'], 0);
    }
    await until(() => silent.filter(({ inbox }) => inbox.isClosed).length > 0);
    assert.ok((await metricValue(world.metrics.connectionsRefused, { reason: 'pending' })) <= 3);
  });
});

describe('a broker that does not answer', () => {
  const scripts: [name: string, script: ConnectScript, result: string][] = [
    ['stays silent', 'silent', 'timeout'],
    ['closes on CONNECT', 'close', 'closed'],
    ['closes at accept', 'close-at-accept', 'closed'],
    ['answers with something else', Buffer.from([0xd0, 0x00]), 'not-connack'],
    ['answers with a CONNACK that is none', Buffer.from([0x20, 0x01, 0x00]), 'not-connack'],
  ];
  for (const version of [4, 5] as const) {
    for (const [name, script, result] of scripts) {
      it(`gives an MQTT ${version} device its CONNACK when it ${name}`, async () => {
        world = await createGatewayWorld({ limits: { brokerAnswerMs: 300 } });
        world.legacy.onConnect = script;
        const device = await dial(version);
        device.connect('meter-1');
        const connack = await device.inbox.packet('connack');
        assert.equal(version === 5 ? connack['reasonCode'] : connack['returnCode'], version === 5 ? 0x88 : 3);
        await device.inbox.closed();
        assert.equal(await metricValue(world.metrics.connects, { broker: 'legacy', result }), 1);
        assert.deepEqual(world.outcomes, [script === 'silent' ? 'given-up' : 'failed']);
        await until(() => world.registry.ends.length === 1);
        assert.deepEqual(world.registry.ends, [{ clientId: 'meter-1', epoch: 1, sessionOver: false }]);
        assert.equal(world.registry.attachments.length, 0);
      });
    }
  }

  for (const code of ['unreachable', 'rate'] as const) {
    it(`gives CONNACK 3 when it is ${code}, and other devices notice nothing`, async () => {
      world = await createGatewayWorld();
      const other = await dial();
      other.connect('other');
      await other.inbox.packet('connack');
      world.upstreamFailure = code;
      const device = await dial();
      device.connect('meter-1');
      assert.equal((await device.inbox.packet('connack'))['returnCode'], 3);
      await device.inbox.closed();
      assert.equal(await metricValue(world.metrics.connects, { broker: 'legacy', result: code }), 1);
      other.send({ cmd: 'pingreq' });
      await other.inbox.packet('pingresp');
    });
  }

  it('gives CONNACK 3 when the registry has no connect token', async () => {
    world = await createGatewayWorld();
    world.registry.answer = () => ({ granted: false, reason: 'rate' });
    const device = await dial();
    device.connect('meter-1');
    assert.equal((await device.inbox.packet('connack'))['returnCode'], 3);
    assert.deepEqual(world.registry.ends, []);
    assert.equal(world.dials.length, 0);
  });

  it('gives CONNACK 3 when the registry never answers, and gives a late grant back', async () => {
    world = await createGatewayWorld({ limits: { brokerAnswerMs: 200 } });
    let grantLate = (): void => {};
    world.registry.answer = ({ desired }, epoch) =>
      new Promise((resolve) => {
        grantLate = () => resolve({ granted: true, epoch, broker: desired, hasHome: false, tookOver: false });
      });
    const device = await dial();
    device.connect('meter-1');
    assert.equal((await device.inbox.packet('connack'))['returnCode'], 3);
    grantLate();
    await until(() => world.registry.ends.length === 1);
    assert.equal(world.dials.length, 0);
  });

  it('relays a refusal unchanged and closes', async () => {
    world = await createGatewayWorld();
    world.legacy.onConnect = Buffer.from([0x20, 0x02, 0x00, 0x05]);
    const device = await dial();
    device.connect('meter-1');
    assert.equal((await device.inbox.packet('connack'))['returnCode'], 5);
    await device.inbox.closed();
    await (await world.legacy.leg()).inbox.closed();
    assert.deepEqual(world.outcomes, ['answered']);
    assert.deepEqual(world.registry.attachments, []);
    assert.deepEqual(world.registry.ends, [{ clientId: 'meter-1', epoch: 1, sessionOver: false }]);
  });
});

describe('a device that leaves before the broker answered', () => {
  it('withdraws its claim', async () => {
    world = await createGatewayWorld();
    const withdrawn = new Promise<void>((resolve) => {
      world.registry.answer = (_request, _epoch, signal) =>
        new Promise((answer) => {
          signal.addEventListener('abort', () => {
            answer({ granted: false, reason: 'superseded' });
            resolve();
          });
        });
    });
    const device = await dial();
    device.connect('meter-1');
    await until(() => world.registry.claims.length === 1);
    device.socket.end();
    await withdrawn;
    assert.equal(world.dials.length, 0);
    await device.inbox.closed();
  });

  it('closes its upstream leg', async () => {
    world = await createGatewayWorld();
    world.legacy.onConnect = 'silent';
    const device = await dial();
    device.connect('meter-1');
    const leg = await world.legacy.leg();
    await leg.inbox.packet('connect');
    device.socket.resetAndDestroy();
    await leg.inbox.closed();
    await until(() => world.registry.ends.length === 1);
    assert.deepEqual(world.outcomes, ['given-up']);
  });
});

describe('where a session goes', () => {
  it('goes where the registry says rather than where the plan wants it', async () => {
    world = await createGatewayWorld();
    world.desired = 'target';
    world.registry.answer = (_request, epoch) => ({
      granted: true,
      epoch,
      broker: 'legacy',
      hasHome: true,
      tookOver: true,
    });
    const device = await dial();
    device.connect('meter-1', { clean: false });
    await device.inbox.packet('connack');
    assert.deepEqual(world.registry.claims[0], {
      clientId: 'meter-1',
      connection: 1,
      intent: 'resume',
      desired: 'target',
      fallback: { target: 'target', source: 'legacy' },
    });
    const [session] = world.gateway.sessions({ limit: 1 });
    assert.deepEqual([session?.home, session?.desired, session?.persistent], ['legacy', 'target', true]);
    assert.deepEqual(
      world.gateway.misplaced().map((misplaced) => [misplaced.connection, misplaced.persistent, misplaced.returnsHome]),
      [[1, true, true]],
    );
    assert.equal(world.gateway.counts().byCohort['everyone']?.moving, 1, 'it is not where the plan wants it');
    assert.equal(world.legacy.legs.length, 1);
  });

  it('would be moved by a reconnect when its device begins a persistent session anew', async () => {
    world = await createGatewayWorld();
    world.legacy.onConnect = connackAccepted5;
    world.legacy.protocolVersion = 5;
    const device = await dial(5);
    device.connect('meter-1', { clean: true, properties: { sessionExpiryInterval: 100 } });
    await device.inbox.packet('connack');
    await world.cutOver('target');
    assert.deepEqual(
      world.gateway.misplaced().map((misplaced) => [misplaced.persistent, misplaced.returnsHome]),
      [[true, false]],
    );
    assert.equal(world.gateway.counts().byCohort['everyone']?.moving, 1);
  });

  it('takes the broker at its word about the session expiry and an assigned client ID', async () => {
    world = await createGatewayWorld();
    // session expiry 0, assigned client identifier "auto-1"
    world.legacy.onConnect = Buffer.from([0x20, 17, 0, 0, 14, 0x11, 0, 0, 0, 0, 0x12, 0, 6, ...Buffer.from('auto-1')]);
    world.legacy.protocolVersion = 5;
    const device = await dial(5);
    device.connect('', { properties: { sessionExpiryInterval: 100 } });
    await device.inbox.packet('connack');
    const [session] = world.gateway.sessions({ limit: 1 });
    assert.deepEqual([session?.clientId, session?.persistent], ['auto-1', false]);
    assert.deepEqual(world.registry.attachments, []);
  });

  describe('a client ID that the broker assigned', () => {
    // assigned client identifier "auto-1"
    const connack = Buffer.from([0x20, 12, 0, 0, 9, 0x12, 0, 6, ...Buffer.from('auto-1')]);
    const adoption = {
      clientId: 'auto-1',
      connection: 1,
      broker: 'legacy',
      persistent: true,
      place: { cohort: 'everyone', position: 0 },
    };
    const remains = {
      received: [],
      subscriptions: encodeSubscriptions({ subscriptionsKnown: true, held: [] }),
    };

    async function attachNameless(): Promise<TestDevice> {
      world.legacy.onConnect = connack;
      world.legacy.protocolVersion = 5;
      const device = await dial(5);
      device.connect('', { properties: { sessionExpiryInterval: 100 } });
      await device.inbox.packet('connack');
      return device;
    }

    it('is claimed, ends for a newer leg, and is given back when its device leaves', async () => {
      world = await createGatewayWorld();
      const device = await attachNameless();
      assert.deepEqual(world.registry.adoptions, [adoption]);
      await world.gateway.endLeg(1, 1);
      assert.equal(world.gateway.sessions({ limit: 1 }).length, 1, 'the leg has the epoch of its adoption');
      device.send({ cmd: 'disconnect' });
      await until(() => world.registry.ends.length === 1);
      assert.deepEqual(world.registry.ends, [{ clientId: 'auto-1', epoch: 2, sessionOver: false, remains }]);
      const again = await attachNameless();
      await world.gateway.endLeg(2, 5);
      await again.inbox.closed();
      assert.deepEqual(world.registry.ends[1], { clientId: 'auto-1', epoch: 4, sessionOver: false, remains });
    });

    it('is given back when its device left before the registry answered', async () => {
      world = await createGatewayWorld();
      const { promise, resolve } = Promise.withResolvers<void>();
      world.registry.beforeAdoption = promise;
      const device = await attachNameless();
      device.send({ cmd: 'disconnect' });
      await device.inbox.closed();
      await until(() => world.upstreams[0]?.closed === true);
      assert.deepEqual(world.registry.ends, []);
      resolve();
      await until(() => world.registry.ends.length === 1);
      assert.deepEqual(world.registry.ends, [{ clientId: 'auto-1', epoch: 2, sessionOver: false, remains }]);
    });
  });

  it('counts sessions by broker and cohort, and asks a new plan about all of them', async () => {
    world = await createGatewayWorld();
    for (const id of ['a', 'b', 'c']) {
      const device = await dial();
      device.connect(id);
      await device.inbox.packet('connack');
    }
    assert.equal(await metricValue(world.metrics.sessions, { broker: 'legacy', cohort: 'everyone' }), 3);
    assert.deepEqual(world.gateway.counts().byCohort, { everyone: { source: 3, target: 0, moving: 0 } });
    await world.cutOver('target');
    assert.deepEqual(world.gateway.counts(), {
      byBroker: { legacy: 3 },
      byCohort: { everyone: { source: 3, target: 0, moving: 3 } },
      secondLegs: [],
      unregistered: [],
      connections: 3,
    });
    assert.equal(world.gateway.misplaced(['everyone']).length, 3);
    assert.equal(world.gateway.misplaced(['nobody']).length, 0);
    assert.equal(world.gateway.sessions({ limit: 2 }).length, 2);
    assert.deepEqual(
      world.gateway.sessions({ limit: 9, clientId: 'b' }).map(({ clientId }) => clientId),
      ['b'],
    );
    assert.deepEqual(world.gateway.sessions({ limit: 9, broker: 'target' }), []);
  });
});

describe('fleet.clientIdPolicy', () => {
  it('refuses a client ID without a certificate that binds it', async () => {
    world = await createGatewayWorld({ settings: { clientIdPolicy: 'equals-common-name' } });
    const device = await dial();
    device.connect('meter-1');
    assert.equal((await device.inbox.packet('connack'))['returnCode'], 2);
    const device5 = await dial(5);
    device5.connect('meter-1');
    assert.equal((await device5.inbox.packet('connack'))['reasonCode'], 0x85);
    assert.equal(await metricValue(world.metrics.clientIdPolicyViolations, { policy: 'equals-common-name' }), 2);
    assert.equal(world.dials.length, 0);
  });
});
