import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SessionMachine } from '../../../../src/mqtt/session-machine.ts';
import { mutate, randomOf } from '../../mutation.ts';
import { anyPacketOf, anySetting, recordedMachine } from '../machine-input.ts';
import type { Setting } from '../session-setting.ts';

const inputs = 15_000;
/** Inputs that one machine gets at most. */
const inputsPerMachine = 80;

test('nothing that brokers or device send makes a machine with several legs throw, and its state stays one of sense', () => {
  const random = randomOf(20_261_123);
  const seen = new Set<string>();
  for (let fed = 0; fed < inputs; ) {
    const setting = anySetting(random);
    const { machine, effects } = recordedMachine(setting, false);
    const session = { machine, setting, last: 1, nowMs: 0, protocols: new Map([[1, setting.upstream.protocol]]) };
    for (let left = inputsPerMachine; left > 0 && !machine.isEnded; left -= 1, fed += 1) {
      actOfShell(session, random);
      feedOne(session, random);
      judge(machine);
      seen.add(machine.phase);
      for (const list of [effects.toDevice, effects.toBroker, effects.said]) list.length = 0;
    }
  }
  assert.deepEqual([...seen].sort(), ['detached', 'draining', 'holding', 'restoring', 'settling', 'stable']);
});

interface Session {
  readonly machine: SessionMachine;
  readonly setting: Setting;
  readonly protocols: Map<number, Setting['upstream']['protocol']>;
  last: number;
  nowMs: number;
}

function actOfShell(session: Session, random: () => number): void {
  const { machine, nowMs } = session;
  const kind = Math.floor(random() * 14);
  const { activeLeg, standingLeg, phase } = machine;
  const hasRoom = phase === 'detached' || (phase === 'stable' && standingLeg === undefined);
  if (kind < 3 && hasRoom) attach(session, random);
  else if (kind < 6) machine.cut({ overlapMs: 50, settleMs: 10, leaveMs: 20 }, nowMs);
  else if (kind === 6) machine.abortCut(nowMs);
  else if (kind === 7 && standingLeg !== undefined) machine.dismiss(standingLeg, nowMs);
  else if (kind === 8) machine.handleBrokerLost(random() < 0.5 ? (activeLeg ?? 1) : session.last, nowMs);
  else if (kind < 12) session.nowMs += [1, 20, 700][kind - 9] as number;
  if (machine.nextDeadlineMs() <= session.nowMs) machine.handleTick(session.nowMs);
}

function attach(session: Session, random: () => number): void {
  const { upstream } = anySetting(random);
  session.last += 1;
  session.protocols.set(session.last, upstream.protocol);
  session.machine.attach(session.last, { ...upstream, sessionPresent: random() < 0.5 }, session.nowMs);
}

function feedOne({ machine, setting, protocols, last, nowMs }: Session, random: () => number): void {
  const leg = random() < 0.5 ? (machine.activeLeg ?? last) : last;
  const isDevice = random() < 0.4;
  const protocol = isDevice ? setting.device.protocol : (protocols.get(leg) ?? '3.1.1');
  const packet = anyPacketOf(isDevice ? 'device' : 'broker', protocol, random);
  const bytes = random() < 0.85 ? packet : mutate(packet.subarray(0, 600), random);
  const cut = 1 + Math.floor(random() * bytes.length * 3);
  for (let at = 0; at < bytes.length; at += cut) {
    const chunk = Buffer.from(bytes.subarray(at, at + cut));
    if (isDevice) machine.handleDeviceData(chunk, nowMs);
    else machine.handleBrokerData(chunk, nowMs, leg);
  }
}

function judge(machine: SessionMachine): void {
  if (machine.isEnded) return;
  const { activeLeg, standingLeg, phase, inflight } = machine;
  assert.ok(inflight >= 0, `${inflight} unfinished`);
  assert.notEqual(standingLeg ?? -1, activeLeg);
  if (phase === 'detached') assert.equal(activeLeg, undefined);
  if (phase === 'stable' || phase === 'draining') assert.notEqual(activeLeg, undefined, `no leg is active, ${phase}`);
}
