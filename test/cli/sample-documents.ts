import type {
  MoveDocument,
  PlanDocument,
  RevisionDocument,
  StatusDocument,
  WhereDocument,
} from '../../src/admin/admin-api.ts';

export const planDocument: PlanDocument = {
  revision: 4,
  default: 'legacy',
  salt: 'demo',
  identity: ['mqtt.clientId'],
  overrides: [{ kind: 'clientid', key: 'meter-7', broker: 'aws' }],
  cohorts: [
    { name: 'everyone', match: { all: true }, source: 'legacy', target: 'aws', weightBps: 2_000, announce: 'source' },
  ],
  splits: [],
};

export const whereDocument: WhereDocument = {
  device: 'device-000002',
  kind: 'clientid',
  key: 'device-000002',
  position: 1265.3239,
  cohort: 'everyone',
  weightBps: 2_000,
  broker: 'aws',
  reason: 'cohort-target',
  revision: 4,
};

export const moveDocument: MoveDocument = {
  id: 'm-1',
  state: 'done',
  kind: 'cutover',
  cohorts: ['everyone'],
  destinations: ['aws'],
  revision: 5,
  author: 'ops',
  reason: 'canary',
  live: 'reconnect',
  prepareOnly: false,
  pacePerSecond: 500,
  eligible: 40,
  moved: 40,
  prepared: 0,
  underWay: 0,
  aborted: 0,
  pending: { offline: 0, unknownSubscriptions: 0, asleep: 0, unregistered: 0, listed: [] },
  refused: [],
  refusedTotal: 0,
  startedAt: '2026-03-01T12:00:00.000Z',
  finishedAt: '2026-03-01T12:00:01.234Z',
  durationMs: 1_234,
  message: null,
};

export const statusDocument: StatusDocument = {
  revision: 4,
  frozen: false,
  freeze: null,
  brokers: {
    legacy: { profile: 'mqtt', sessions: 952, secondLegs: 0, connected: true, state: 'up' },
    aws: { profile: 'aws-iot-core', sessions: 48, secondLegs: 30, connected: false, state: 'down' },
  },
  cohorts: [
    {
      name: 'everyone',
      source: 'legacy',
      target: 'aws',
      weightBps: 500,
      sessions: { source: 952, target: 48, moving: 2 },
      handovers: { underWay: 1, prepared: 29, warm: 0 },
      heldBack: 3,
    },
  ],
  listeners: [{ name: 'devices', address: '0.0.0.0:8883' }],
  nameserver: ['0.0.0.0:53'],
  sites: [],
  zones: [],
  aliases: [],
  workers: [
    { worker: 1, pid: 101, revision: 4, connections: 600, sessions: 600 },
    { worker: 2, pid: 102, revision: 3, connections: 400, sessions: 400 },
  ],
  bridge: {
    rules: { running: 2, paused: 1, stopped: 0, waiting: 0, leaving: 0 },
    processes: 1,
    spoolBytes: 1_572_864,
    worstLagMs: 12.5,
    problem: null,
  },
};

export function revisionDocument(revision: number, weightBps: number): RevisionDocument {
  const { revision: _latest, ...plan } = planDocument;
  return {
    revision,
    at: '2026-03-01T12:00:00.000Z',
    author: 'ops',
    reason: `weight ${weightBps}`,
    plan: { ...plan, cohorts: plan.cohorts.map((cohort) => ({ ...cohort, weightBps })) },
  };
}
