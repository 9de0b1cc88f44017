import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import mqtt, { type IConnectPacket, type Packet } from 'mqtt-packet';
import { BrokerMachine, type MachineClient } from './broker-machine.ts';
import { mutatedPackets } from './mutated-packets.ts';

const encode = (packet: Packet, version: 4 | 5 = 4) => mqtt.generate(packet, { protocolVersion: version });

function connect(machine: BrokerMachine, clientId: string, fields: Partial<IConnectPacket> = {}): MachineClient {
  const client = machine.accept();
  client.write(
    encode({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 4,
      clientId,
      clean: true,
      keepalive: 1_200,
      ...fields,
    }),
  );
  return client;
}

function subscribe(client: MachineClient, ...topics: string[]): void {
  client.write(
    encode({ cmd: 'subscribe', messageId: 1, subscriptions: topics.map((topic) => ({ topic, qos: 1 as const })) }),
  );
}

function publish(machine: BrokerMachine, topic: string, payload = 'x', qos: 0 | 1 = 1): void {
  const message = { topic, payload: Buffer.from(payload), qos, retain: false, properties: [], expiresAtMs: Infinity };
  machine.broker.publish(message, machine.nowMs);
}

/** Payloads with their packet identifiers, of the PUBLISH packets among what came. */
function published(client: MachineClient): [string, number | undefined, boolean][] {
  return client.take().flatMap((hex) => {
    const found: [string, number | undefined, boolean][] = [];
    const parser = mqtt.parser({ protocolVersion: 4 });
    parser.on('packet', (packet) => {
      if (packet.cmd === 'publish') found.push([packet.payload.toString(), packet.messageId, packet.dup]);
    });
    parser.parse(Buffer.from(hex, 'hex'));
    return found;
  });
}

suite('The message broker as decisions', () => {
  test('PUBACKs leave out of order, each once, and the seed says in which', () => {
    const orderOf = (seed: number) => {
      const machine = new BrokerMachine({}, seed);
      const client = connect(machine, 'a');
      client.take();
      for (let id = 1; id <= 8; id += 1)
        client.write(
          encode({ cmd: 'publish', topic: 't', payload: 'x', qos: 1, dup: false, retain: false, messageId: id }),
        );
      return client.take();
    };
    const order = orderOf(1);
    const sorted = [...order].sort();
    assert.deepEqual(
      sorted,
      [1, 2, 3, 4, 5, 6, 7, 8].map((id) => `4002000${id}`),
    );
    assert.notDeepEqual(order, sorted);
    assert.deepEqual(orderOf(1), order);
    assert.notDeepEqual(orderOf(2), order);
  });

  test('a PUBACK waits for others for a moment only', () => {
    const machine = new BrokerMachine();
    const client = connect(machine, 'a');
    client.take();
    client.write('3206 0001 74 0001 78');
    assert.deepEqual(client.take(), []);
    machine.advance(5);
    assert.deepEqual(client.take(), ['40020001']);
  });

  test('in order, when that is chosen', () => {
    const machine = new BrokerMachine({ pubackOrder: 'in-order', pubackWaitMs: 0 });
    const client = connect(machine, 'a');
    client.take();
    for (let id = 1; id <= 3; id += 1) client.write(`3206 0001 74 000${id} 78`);
    assert.deepEqual(client.take(), ['40020001', '40020002', '40020003']);
  });

  test('a resumed session gets what it did not acknowledge again: under new identifiers, without DUP, in order, ten a second', () => {
    const machine = new BrokerMachine();
    const first = connect(machine, 'a', { clean: false });
    subscribe(first, 't');
    for (const payload of ['1', '2', '3']) publish(machine, 't', payload);
    assert.deepEqual(published(first), [
      ['1', 1, false],
      ['2', 2, false],
      ['3', 3, false],
    ]);
    first.write('4002 0002');
    first.lose();
    publish(machine, 't', '4');
    const second = connect(machine, 'a', { clean: false });
    assert.deepEqual(published(second), [['1', 4, false]]);
    machine.advance(100);
    assert.deepEqual(published(second), [['3', 5, false]]);
    machine.advance(100);
    assert.deepEqual(published(second), [['4', 6, false]]);
  });

  test('a clean session keeps nothing', () => {
    const machine = new BrokerMachine();
    const first = connect(machine, 'a');
    subscribe(first, 't');
    first.lose();
    publish(machine, 't');
    const second = connect(machine, 'a', { clean: false });
    assert.deepEqual(second.take(), ['20020000']);
  });

  test('QoS 0 is not kept for who is away', () => {
    const machine = new BrokerMachine();
    const first = connect(machine, 'a', { clean: false });
    subscribe(first, 't');
    first.lose();
    publish(machine, 't', 'zero', 0);
    publish(machine, 't', 'one', 1);
    assert.deepEqual(published(connect(machine, 'a', { clean: false })), [['one', 1, false]]);
  });

  test('a message that was not acknowledged is sent again under a new identifier while connected', () => {
    const machine = new BrokerMachine();
    const client = connect(machine, 'a');
    subscribe(client, 't');
    publish(machine, 't');
    assert.deepEqual(published(client), [['x', 1, false]]);
    machine.advance(30_000);
    assert.deepEqual(published(client), [['x', 2, false]]);
    client.write('4002 0002');
    machine.advance(30_000);
    assert.deepEqual(published(client), []);
  });

  test('a session that would outlive its connection keeps what is beyond the rate, another loses it', () => {
    for (const [clean, expected] of [
      [true, 2],
      [false, 3],
    ] as const) {
      const machine = new BrokerMachine({ limits: { publishesPerSecond: 2 } });
      const client = connect(machine, 'a', { clean });
      subscribe(client, 't');
      for (const payload of ['1', '2', '3']) publish(machine, 't', payload);
      assert.equal(published(client).length, 2);
      machine.advance(1_000);
      assert.equal(published(client).length, expected - 2);
    }
  });

  test('a slow reader loses QoS 0, not QoS 1', () => {
    const machine = new BrokerMachine({ bounds: { outputBytes: 1_000 } });
    const client = connect(machine, 'a');
    subscribe(client, 't');
    client.waitingBytes = 1_001;
    publish(machine, 't', 'zero', 0);
    publish(machine, 't', 'one', 1);
    assert.deepEqual(published(client), [['one', 1, false]]);
    assert.equal(machine.broker.refusals.count('output-full'), 1);
  });

  test('a shared subscription gives each message to one member; each group that matches gets one', () => {
    const machine = new BrokerMachine();
    const members = ['a', 'b', 'c'].map((clientId) => connect(machine, clientId));
    for (const member of members) subscribe(member, '$share/g/t', '$share/h/#');
    for (let n = 0; n < 30; n += 1) publish(machine, 't');
    assert.equal(members.flatMap(published).length, 60);
  });

  test('a shared subscription queues QoS 1 only for a group with a member whose session lasts', () => {
    for (const [clean, expected] of [
      [true, 0],
      [false, 2],
    ] as const) {
      const machine = new BrokerMachine();
      const first = connect(machine, 'a', { clean });
      subscribe(first, '$share/g/t');
      first.lose();
      for (const payload of ['1', '2']) publish(machine, 't', payload);
      publish(machine, 't', 'zero', 0);
      const second = connect(machine, 'a', { clean });
      machine.advance(50);
      machine.advance(50);
      machine.advance(50);
      assert.equal(published(second).length, expected);
    }
  });

  test('the queue of a shared subscription is bounded, and drops new ones', () => {
    const machine = new BrokerMachine({ bounds: { groupMessages: 2 } });
    const first = connect(machine, 'a', { clean: false });
    subscribe(first, '$share/g/t');
    first.lose();
    for (const payload of ['1', '2', '3']) publish(machine, 't', payload);
    const second = connect(machine, 'a', { clean: false });
    for (let step = 0; step < 5; step += 1) machine.advance(50);
    assert.deepEqual(
      published(second).map(([payload]) => payload),
      ['1', '2'],
    );
  });

  test('a subscription receives when it has settled, retained message included', () => {
    const machine = new BrokerMachine({ subscriptionSettleMs: 100 });
    const client = connect(machine, 'a');
    const kept = {
      topic: 't',
      payload: Buffer.from('kept'),
      qos: 0,
      retain: true,
      properties: [],
      expiresAtMs: Infinity,
    } as const;
    machine.broker.publish(kept, machine.nowMs);
    subscribe(client, 't');
    publish(machine, 't', 'early', 0);
    assert.deepEqual(published(client), []);
    machine.advance(100);
    publish(machine, 't', 'late', 0);
    assert.deepEqual(
      published(client).map(([payload]) => payload),
      ['kept', 'late'],
    );
  });

  test('a retained message keeps its flag when it has to wait for the window', () => {
    const machine = new BrokerMachine({ limits: { inflightToDevice: 1 } });
    const kept = {
      topic: 'kept',
      payload: Buffer.from('kept'),
      qos: 1,
      retain: true,
      properties: [],
      expiresAtMs: Infinity,
    } as const;
    machine.broker.publish(kept, machine.nowMs);
    const client = connect(machine, 'a');
    subscribe(client, 't');
    publish(machine, 't');
    subscribe(client, 'kept');
    client.take();
    client.write('4002 0001');
    assert.deepEqual(client.take(), ['330c00046b65707400026b657074']);
  });

  test('no CONNECT within the time: closed', () => {
    const machine = new BrokerMachine();
    const client = machine.accept();
    client.write('10');
    machine.advance(30_000);
    assert.ok(client.isClosed);
    assert.equal(machine.broker.refusals.count('no-connect-in-time'), 1);
  });

  test('what begins with another packet, or with no MQTT, is closed without a byte', () => {
    for (const [bytes, reason] of [
      ['c000', 'no-connect'],
      ['474554202f20485454502f312e31', 'no-connect'],
      ['10ffffffff7f', 'no-connect'],
      ['10 0c 0004 4d515454 04 03 003c 0000', 'malformed-connect'],
    ] as const) {
      const machine = new BrokerMachine();
      const client = machine.accept();
      client.write(bytes);
      assert.ok(client.isClosed, bytes);
      assert.deepEqual(client.sent, []);
      assert.equal(machine.broker.refusals.count(reason), 1, bytes);
    }
  });

  test('a client in pieces of one byte is the same client', () => {
    const machine = new BrokerMachine();
    const client = machine.accept();
    const bytes = encode({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 4,
      clientId: 'a',
      clean: true,
      keepalive: 60,
    });
    for (const byte of bytes) client.write(Buffer.from([byte]));
    for (const byte of Buffer.from('820600010001740132060001740001780000', 'hex').subarray(0, 16))
      client.write(Buffer.from([byte]));
    machine.advance(10);
    assert.deepEqual(client.take(), ['20020000', '9003000101', '3206000174000178', '40020001']);
  });

  test('the will carries what the session cannot: it is published when the session is taken over by another version too', () => {
    const machine = new BrokerMachine();
    const watcher = connect(machine, 'watcher');
    subscribe(watcher, 'w');
    connect(machine, 'a', { clean: false, will: { topic: 'w', payload: Buffer.from('gone'), qos: 1, retain: false } });
    connect(machine, 'a', { protocolVersion: 5 });
    assert.deepEqual(
      published(watcher).map(([payload]) => payload),
      ['gone'],
    );
  });

  test('DISCONNECT 0x04 of MQTT 5 publishes the will, 0x00 does not', () => {
    for (const [bytes, expected] of [
      ['e00104', ['gone']],
      ['e000', []],
    ] as const) {
      const machine = new BrokerMachine();
      const watcher = connect(machine, 'watcher');
      subscribe(watcher, 'w');
      const client = connect(machine, 'a', {
        protocolVersion: 5,
        will: { topic: 'w', payload: Buffer.from('gone'), qos: 0, retain: false },
      });
      client.write(bytes);
      assert.deepEqual(
        published(watcher).map(([payload]) => payload),
        expected,
      );
    }
  });

  test('DISCONNECT may shorten a session and end it, but not make one that was to end last', () => {
    const machine = new BrokerMachine();
    const fields = { protocolVersion: 5, clean: false, properties: { sessionExpiryInterval: 100 } } as const;
    connect(machine, 'a', fields).write('e007 00 05 11 00000000');
    assert.equal(machine.broker.sessions.get('a'), undefined);
    const other = connect(machine, 'b', { protocolVersion: 5, clean: true });
    other.take();
    other.write('e007 00 05 11 00000064');
    assert.deepEqual(other.take(), ['e00182']);
    assert.equal(machine.broker.sessions.get('b'), undefined);
  });

  test('stopped: MQTT 5 clients hear 0x8B, and every connection is closed', () => {
    const machine = new BrokerMachine();
    const clients = [connect(machine, 'a'), connect(machine, 'b', { protocolVersion: 5 }), machine.accept()];
    for (const client of clients) client.take();
    machine.broker.stop(machine.nowMs);
    assert.deepEqual(
      clients.map((client) => client.take()),
      [[], ['e0018b'], []],
    );
    assert.ok(clients.every(({ isClosed }) => isClosed));
    assert.equal(machine.broker.connectionCount, 0);
  });

  test('a principal that may not be connected any more is cut, with its will', () => {
    const machine = new BrokerMachine();
    const client = connect(machine, 'a', { protocolVersion: 5 });
    client.take();
    machine.broker.disconnectPrincipal('other', machine.nowMs);
    assert.ok(!client.isClosed);
    machine.broker.disconnectPrincipal('p', machine.nowMs);
    assert.deepEqual(client.take(), ['e00187']);
    assert.equal(machine.broker.ledger.past('a')?.disconnectReason, 'AUTH_ERROR');
  });

  test('there are no more sessions than may be', () => {
    const machine = new BrokerMachine({ bounds: { sessions: 1 } });
    connect(machine, 'a', { clean: false }).lose();
    const client = connect(machine, 'b', { protocolVersion: 5 });
    assert.deepEqual(client.take(), ['2003009700']);
    assert.equal(machine.broker.refusals.count('too-many-sessions'), 1);
  });

  test('nothing that clients send throws, and in the end nothing of them is left', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat({ max: 2 }), mutatedPackets), { maxLength: 40 }),
        fc.nat(),
        (steps, seed) => {
          const machine = new BrokerMachine({ variants: { pipelined: 'ignore' } }, seed);
          const clients = [
            connect(machine, 'a', { clean: false }),
            connect(machine, 'b', { protocolVersion: 5 }),
            machine.accept(),
          ];
          for (const [index, bytes] of steps) {
            clients[index]?.write(bytes);
            machine.advance(7);
          }
          for (const client of clients) client.lose();
          machine.advance(4_000_000);
          assert.equal(machine.broker.connectionCount, 0);
          assert.equal(machine.broker.sessions.get('a'), undefined);
          assert.equal(machine.broker.agenda.nextAtMs, undefined);
        },
      ),
      { numRuns: 300 },
    );
  });
});
