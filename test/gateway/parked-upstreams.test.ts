import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { createGatewayWorld, type GatewayWorld } from './gateway-world.ts';
import { TestDevice } from './test-device.ts';

let world: GatewayWorld;
let devices: TestDevice[];

beforeEach(async () => {
  world = await createGatewayWorld();
  devices = [];
});

afterEach(async () => {
  for (const { socket } of devices) socket.destroy();
  await world.stop();
});

describe('endParked', () => {
  it('closes legs that were left to their broker, one with and one without CONNACK, in order', async () => {
    const live = await TestDevice.dial(world.port);
    devices.push(live);
    live.connect('meter-1');
    await live.inbox.packet('connack');
    world.legacy.onConnect = 'silent';
    const unanswered = await TestDevice.dial(world.port);
    devices.push(unanswered);
    unanswered.connect('meter-2');
    await (await world.legacy.leg(1)).inbox.packet('connect');
    for (const connection of [1, 2]) await world.gateway.endLeg(connection, 9, 'legacy');
    const areClosed = () => world.upstreams.map(({ closed }) => closed);
    assert.deepEqual(areClosed(), [false, false]);
    // The first one's broker hangs, and loses its connection all the same.
    (await world.legacy.leg()).socket.pause();
    await Promise.all([1, 2, 77].map((connection) => world.gateway.endParked(connection)));
    assert.deepEqual(areClosed(), [true, true]);
    for (const { socket, inbox } of world.legacy.legs) {
      socket.resume();
      await inbox.closed();
      assert.deepEqual(inbox.commands(), ['connect', 'disconnect']);
    }
  });

  it('waits for a leg that was closing when it gave its client ID up to a newer one on the same broker', async () => {
    const live = await TestDevice.dial(world.port);
    devices.push(live);
    live.connect('meter-1');
    await live.inbox.packet('connack');
    world.legacy.onConnect = 'silent';
    const unanswered = await TestDevice.dial(world.port);
    devices.push(unanswered);
    unanswered.connect('meter-2');
    await (await world.legacy.leg(1)).inbox.packet('connect');
    for (const { socket } of world.legacy.legs) socket.pause();
    // The newer CONNECT that went elsewhere is withdrawn, the one after it goes to the same broker.
    const elsewhere = [1, 2].map((connection) => world.gateway.endLeg(connection, 9, 'target'));
    for (const connection of [1, 2]) await world.gateway.endLeg(connection, 9, 'legacy');
    assert.equal(world.registry.ends.length, 2);
    const closedAtEnd = [1, 1, 2].map(async (connection) => {
      await world.gateway.endParked(connection);
      return world.upstreams[connection - 1]?.closed;
    });
    for (const { socket } of world.legacy.legs) socket.resume();
    assert.deepEqual(await Promise.all(closedAtEnd), [true, true, true]);
    await Promise.all(elsewhere);
    for (const { inbox } of world.legacy.legs) {
      await inbox.closed();
      assert.deepEqual(inbox.commands(), ['connect', 'disconnect']);
    }
  });
});
