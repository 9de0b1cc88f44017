import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { firstLeg } from '../../../src/mqtt/session-assembly.ts';
import type { SessionMachine } from '../../../src/mqtt/session-machine.ts';
import { SessionScript, traceOf } from './session-script.ts';

/** How often each of the trace's lines stands in it. */
function countOf(trace: readonly string[], line: string): number {
  return trace.filter((said) => said.trim() === line).length;
}

const aws = 'session device=3.1.1 broker=3.1.1 profile=aws-iot-core';

describe('a PUBLISH that the device says again', () => {
  test('is not sent twice when the window held the first', () => {
    const trace = traceOf([
      'session device=3.1.1 broker=3.1.1 broker-window=1',
      'device PUBLISH qos=1 id=1 topic=a; PUBLISH qos=1 id=2 topic=b; PUBLISH qos=1 dup id=1 topic=a; PUBLISH qos=1 dup id=2 topic=b',
      'broker PUBACK id=1',
      'broker PUBACK id=2',
    ]);
    assert.equal(trace.filter((line) => line.includes('broker <- PUBLISH')).length, 2);
    assert.equal(trace.filter((line) => line.includes('device <- PUBACK')).length, 2);
  });

  test('does not stall the acknowledgements when its own waits for its turn', () => {
    const trace = traceOf([
      aws,
      'device PUBLISH qos=1 id=1 topic=a; PUBLISH qos=1 id=2 topic=b',
      'broker PUBACK id=2',
      'device PUBLISH qos=1 dup id=2 topic=b',
      'broker PUBACK id=1',
      'device PUBLISH qos=1 id=3 topic=c',
      'broker PUBACK id=3',
    ]);
    assert.equal(countOf(trace, 'device <- PUBACK id=3'), 1);
    assert.equal(countOf(trace, 'broker <- PUBLISH qos=1 dup id=2 topic=b'), 0);
  });

  test('and is too large to be kept does not leave its payload in the stream', () => {
    const large = 'id=1 topic=a payload=70000*x';
    const trace = traceOf([
      'session device=3.1 broker=3.1.1',
      `device pieces=30000 PUBLISH qos=1 ${large}`,
      `device pieces=30000 PUBLISH qos=1 dup ${large}`,
      'device PINGREQ',
      'device PUBLISH qos=0 topic=b payload=y',
    ]);
    assert.equal(countOf(trace, 'broker <- PUBLISH qos=0 topic=b payload=y'), 1);
    assert.equal(trace.filter((line) => line.includes('topic=a')).length, 3);
  });
});

test('a redelivery behind held deliveries is not given twice', () => {
  const trace = traceOf([
    'session device=5 broker=3.1.1 device-window=1',
    'broker PUBLISH qos=1 id=1 topic=a; PUBLISH qos=1 id=2 topic=b; PUBLISH qos=1 dup id=1 topic=a; PUBLISH qos=1 dup id=2 topic=b',
    'device PUBACK id=1',
    'device PUBACK id=2',
  ]);
  assert.equal(trace.filter((line) => line.includes('device <- PUBLISH')).length, 2);
});

test('an acknowledgement read behind a paced PUBLISH lets the held deliveries go', () => {
  const many = Array.from({ length: 85 }, () => 'PUBLISH qos=0 topic=a').join('; ');
  const trace = traceOf([
    'session device=5 broker=3.1.1 profile=aws-iot-core device-window=1',
    'broker PUBLISH qos=1 id=1 topic=b; PUBLISH qos=1 id=2 topic=c',
    `device ${many}; ${many}; PUBACK id=1`,
    'pass 5000',
  ]);
  assert.equal(countOf(trace, 'device <- PUBLISH qos=1 id=2 topic=c'), 1);
});

test('a PUBLISH that grows on its way to MQTT 5 is measured as it is sent', () => {
  // 40 bytes of MQTT 3.1.1 are 41 of MQTT 5.
  const trace = traceOf([
    'session device=3.1.1 broker=5 packet-bytes=40 policy=acknowledge',
    'device PUBLISH qos=0 topic=a payload=abcdefghijklmnopqrstuvwxyzabcdefghi',
    'device PUBLISH qos=0 topic=a payload=abcdefghijklmnopqrstuvwxyzabcdefgh',
  ]);
  assert.equal(trace.filter((line) => line.includes('broker <- PUBLISH')).length, 1);
  assert.equal(countOf(trace, 'dropped: undeliverable'), 1);
});

test('the wait for a window wakes nobody', () => {
  const trace = traceOf([
    `${aws} broker-window=1`,
    'device PUBLISH qos=1 id=1 topic=a; PUBLISH qos=1 id=2 topic=b',
    'pass 1000',
  ]);
  assert.deepEqual(
    trace.filter((line) => line.includes(' ms)')),
    [],
  );
});

test('a message expiry interval runs once however often its PUBLISH is looked at', () => {
  const trace = traceOf([
    'session device=5 broker=5 broker-window=1 told-window=10',
    'device PUBLISH qos=1 id=1 topic=a; PUBLISH qos=1 id=2 topic=b expiry=60',
    ...Array.from({ length: 10 }, () => ['pass 2000', 'device PINGREQ']).flat(),
    'broker PUBACK id=1',
  ]);
  assert.equal(countOf(trace, 'broker <- PUBLISH qos=1 id=2 topic=b expiry=40'), 1);
});

test('the broker is not pinged inside a large PUBLISH, and its answer has the time that the broker speaks', () => {
  const { machine, script } = begin('session device=3.1.1 broker=3.1.1 broker-keep-alive=60');
  machine.handleDeviceData(Buffer.concat([Buffer.from('30ffff0700016178', 'hex'), Buffer.alloc(80_000)]), 0);
  for (let nowMs = 10_000; nowMs <= 200_000; nowMs += 5_000) {
    machine.handleDeviceData(Buffer.alloc(10), nowMs);
    if (machine.nextDeadlineMs() <= nowMs) machine.handleTick(nowMs);
  }
  assert.equal(machine.isEnded, false);
  assert.equal(
    script.some((line) => line.includes('failed')),
    false,
  );
});

test('packets that wait for the end of a large PUBLISH are bounded', () => {
  const { machine, script } = begin('session device=3.1.1 broker=3.1.1');
  machine.handleBrokerData(Buffer.concat([Buffer.from('30ffff0700016178', 'hex'), Buffer.alloc(80_000)]), 0, firstLeg);
  for (let round = 0; round < 100; round += 1) machine.handleDeviceData(Buffer.alloc(2_000, 'c000', 'hex'), 0);
  assert.ok(script.includes('  reads no more of the device'));
});

test('nothing goes to the broker behind DISCONNECT', () => {
  const trace = traceOf(['session device=3.1.1 broker=3.1.1', 'device DISCONNECT', 'broker PUBREC id=9']);
  assert.deepEqual(
    trace.filter((line) => line.includes('broker <-')),
    ['  broker <- DISCONNECT'],
  );
});

test('PUBREL packets of an earlier connection do not count against Receive Maximum', () => {
  const trace = traceOf([
    'session device=5 broker=5 told-window=2 broker-window=2',
    'device PUBREL id=1; PUBREL id=2',
    'device PUBLISH qos=1 id=3 topic=a',
  ]);
  assert.equal(
    trace.some((line) => line.includes('failed')),
    false,
  );
});

test('QoS 1 under the identifier of a QoS 2 message that was not released is a message of its own', () => {
  const trace = traceOf([
    aws,
    'device PUBLISH qos=2 id=1 topic=a',
    'broker PUBACK id=1',
    'device PUBLISH qos=1 id=1 topic=b',
    'broker PUBACK id=1',
  ]);
  assert.equal(countOf(trace, 'broker <- PUBLISH qos=1 id=1 topic=b'), 1);
  assert.equal(countOf(trace, 'device <- PUBACK id=1'), 1);
});

describe('PUBREL behind more packets than are held', () => {
  const many = (first: string) => [first, ...Array.from({ length: 80 }, () => 'PUBLISH qos=0 topic=x')].join('; ');

  test('of the device opens the window of the broker', () => {
    const trace = traceOf([
      'session device=3.1.1 broker=5 broker-window=1',
      `device ${many('PUBLISH qos=2 id=1 topic=a; PUBLISH qos=2 id=2 topic=b')}`,
      'broker PUBREC id=1',
      'device PUBREL id=1',
      'broker PUBCOMP id=1',
    ]);
    assert.equal(countOf(trace, 'broker <- PUBLISH qos=2 id=2 topic=b'), 1);
  });

  test('of the broker opens the window of the device', () => {
    const trace = traceOf([
      'session device=5 broker=3.1.1 device-window=1',
      `broker ${many('PUBLISH qos=2 id=1 topic=a; PUBLISH qos=2 id=2 topic=b')}`,
      'device PUBREC id=1',
      'broker PUBREL id=1',
      'device PUBCOMP id=1',
    ]);
    assert.equal(countOf(trace, 'device <- PUBLISH qos=2 id=2 topic=b'), 1);
  });
});

function begin(line: string): { readonly machine: SessionMachine; readonly script: readonly string[] } {
  const script = new SessionScript();
  script.play(line);
  return { machine: script.machine, script: script.lines };
}
