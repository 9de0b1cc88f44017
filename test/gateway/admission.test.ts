import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import { describe, it } from 'node:test';
import { pino } from 'pino';
import { Admission } from '../../src/gateway/admission.ts';
import { OccasionalLog } from '../../src/gateway/occasional-log.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';

function createWorld(pendingConnectionsPerWorker: number) {
  const time = { nowMs: 0 };
  const clock = { monotonicMs: () => time.nowMs, wallMs: () => time.nowMs };
  const log = new OccasionalLog(pino({ level: 'silent' }), clock);
  const limits = { connectionsPerWorker: 1_000, pendingConnectionsPerWorker };
  const admission = new Admission(limits, { metrics: createMetrics(), log, clock });
  const enter = (address: string | undefined) => {
    const socket = new Socket();
    return admission.enter('devices', socket, address) ? socket : undefined;
  };
  return { time, admission, enter };
}

describe('Admission', () => {
  it('closes the one that has been in its stage for longest, after a second, whatever it sent', () => {
    const { time, admission, enter } = createWorld(4);
    const sockets = ['a', 'b', 'c', 'd'].map(enter);
    time.nowMs = 900;
    assert.equal(enter('e'), undefined, 'nobody had a second yet');
    if (sockets[0] !== undefined) admission.advance(sockets[0]);
    time.nowMs = 1_100;
    assert.ok(enter('e') !== undefined);
    assert.deepEqual(
      sockets.map((socket) => socket?.destroyed),
      [false, true, false, false],
    );
    assert.equal(admission.pending, 4);
  });

  it('never closes one that is pending no more', () => {
    const { time, admission, enter } = createWorld(4);
    const sockets = ['a', 'b', 'c', 'd'].map(enter);
    for (const socket of sockets) if (socket !== undefined) admission.settle(socket);
    time.nowMs = 60_000;
    for (const address of ['e', 'f', 'g', 'h']) assert.ok(enter(address) !== undefined);
    assert.ok(sockets.every((socket) => socket?.destroyed === false));
  });

  it('gives one address a quarter, and lets its own slowest make room', () => {
    const { time, enter } = createWorld(8);
    const [first, second] = [enter('a'), enter('a')];
    assert.equal(enter('a'), undefined);
    assert.ok(enter('b') !== undefined);
    time.nowMs = 1_000;
    assert.ok(enter('a') !== undefined);
    assert.deepEqual([first?.destroyed, second?.destroyed], [true, false]);
  });

  it('counts a load balancer’s connections for no address before it named the device', () => {
    const { admission, enter } = createWorld(8);
    const sockets = Array.from({ length: 4 }, () => enter(undefined));
    const answers = sockets.map((socket) => socket !== undefined && admission.name('devices', socket, 'a'));
    assert.deepEqual(answers, [true, true, false, false]);
    for (const socket of sockets.slice(0, 2)) if (socket !== undefined) admission.settle(socket);
    assert.ok(enter('a') !== undefined);
  });

  it('is patient while stages take long for everybody, five seconds at most', () => {
    const { time, admission, enter } = createWorld(4);
    for (let round = 0; round < 200; round += 1) {
      const socket = enter('a');
      time.nowMs += 4_000;
      if (socket !== undefined) admission.settle(socket);
    }
    for (const address of ['a', 'b', 'c', 'd']) enter(address);
    time.nowMs += 4_900;
    assert.equal(enter('e'), undefined);
    time.nowMs += 200;
    assert.ok(enter('e') !== undefined);
  });
});
