import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { DeviceReport } from './fleet-process.ts';
import type { MoveRecord } from './move-record.ts';
import { type Allowances, awaySince, excuseOf, type Findings, judge, lostNumbers } from './verdict.ts';

const device: DeviceReport = {
  index: 1,
  commands: { missing: [], largest: 10, duplicates: 0 },
  published: 10,
  unacknowledged: [],
  absences: [],
  closes: 0,
  lastClose: '',
  subscribes: 1,
  sessionsLost: 0,
  retainedReceived: 1,
  strangers: [],
  stalls: 0,
  isReady: true,
};
const move: MoveRecord = {
  name: 'cutover',
  state: 'done',
  eligible: 1,
  moved: 1,
  refused: 0,
  reasons: [],
  message: null,
  leftBehind: 0,
  switchedMs: 300,
  isDisturbed: false,
};
const clean: Findings = {
  fleet: { devices: [device], commandDelays: {}, acknowledgementDelays: {}, pingDelays: {} },
  backend: {
    devices: [
      {
        index: 1,
        commandsSent: 10,
        commandsUnacknowledged: [],
        telemetry: { missing: [], largest: 10, duplicates: 0 },
      },
    ],
    wills: [],
    strangers: [],
  },
  lostTelemetry: [],
  lostCommands: [],
  moves: [move],
  misplaced: [],
  mirrorUnderWay: 0,
  outages: [],
};
const strict: Allowances = {
  reconnects: false,
  wills: false,
  failedMoves: false,
  retainedMissing: false,
  staying: false,
  commitMs: 1_000,
};

function failures(findings: Partial<Findings>, allowances = strict): readonly string[] {
  return judge({ ...clean, ...findings }, allowances)
    .filter(({ ok }) => !ok)
    .map(({ name }) => name);
}

function withDevice(change: Partial<DeviceReport>): Partial<Findings> {
  return { fleet: { ...clean.fleet, devices: [{ ...device, ...change }] } };
}

describe('judge', () => {
  test('fails nothing when nothing went wrong', () => assert.deepEqual(failures({}), []));

  const faults = [
    [withDevice({ closes: 1 }), 'no TLS connection of a device was closed'],
    [withDevice({ sessionsLost: 1 }), 'no persistent device had to subscribe again'],
    [withDevice({ isReady: false }), 'every device is connected in the end'],
    [withDevice({ retainedReceived: 2 }), 'no retained message came twice'],
    [withDevice({ retainedReceived: 0 }), 'every SUBSCRIBE brought the retained message'],
    [withDevice({ strangers: ['?'] }), 'nothing was invented'],
    [withDevice({ unacknowledged: [3] }), 'every telemetry message was acknowledged'],
    [
      { lostTelemetry: [{ index: 1, number: 2, acknowledgedMs: 0, isWithBroker: false }] },
      'every acknowledged telemetry message is at a broker',
    ],
    [
      { lostCommands: [{ index: 1, number: 2, sentMs: 0, excuse: undefined }] },
      'every acknowledged command is at its device',
    ],
    [
      { backend: { ...clean.backend, wills: [{ clientId: 'dev-1', side: 'legacy', atMs: 0 }] } },
      'no will was published',
    ],
    [{ misplaced: ['dev-1'] }, 'every session is where the gateway says'],
    [{ moves: [{ ...move, state: 'failed' }] }, 'cutover ended as it should'],
    [{ moves: [{ ...move, leftBehind: 1 }] }, 'cutover moved everybody'],
    [{ moves: [{ ...move, switchedMs: 1_200 }] }, 'cutover took effect in 1000 ms'],
    [{ mirrorUnderWay: 1 }, 'the mirror has nothing left'],
  ] as const;
  for (const [findings, name] of faults) {
    test(`fails: ${name}`, () => assert.deepEqual(failures(findings), [name]));
  }
});

test('what was acknowledged and did not arrive is lost, before the largest that arrived and beyond it', () => {
  const arrived = { missing: [2, 3], largest: 5 };
  assert.deepEqual(lostNumbers({ sent: 7, unacknowledged: [3, 7], arrived }), [2, 6]);
});

describe('excuseOf', () => {
  const away = { absences: [{ fromMs: 10_000, toMs: 11_000 }] };

  test('an absence that was noticed late began with the kill', () => {
    const { absences } = awaySince({ ...device, ...away }, [3_000, 7_000, 10_500]);
    assert.deepEqual(absences, [{ fromMs: 7_000, toMs: 11_000 }]);
    assert.deepEqual(awaySince({ ...device, absences: [{ fromMs: 20_000 }] }, [9_000]).absences, [{ fromMs: 20_000 }]);
  });

  test('a session that ends with its connection has no claim on what is sent while it is away', () => {
    assert.equal(excuseOf(10_500, { ...device, ...away }, []), 'away');
    assert.equal(excuseOf(20_000, { ...device, ...away }, []), undefined);
  });

  test('a persistent session has', () => {
    assert.equal(excuseOf(10_500, { ...device, ...away, index: 2 }, []), undefined);
  });
});
