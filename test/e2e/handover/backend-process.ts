import { BrokerLink } from './broker-link.ts';
import { serve } from './child-program.ts';
import { machineMs } from './delay-histogram.ts';
import {
  commandSide,
  type DeviceMessage,
  type DevicePlan,
  deviceIndex,
  devicePlan,
  numberedMessage,
  parseNumbered,
  probeTopic,
  queuedPerDevice,
  retainedTopic,
  type Side,
  sides,
  telemetryFilter,
  willFilter,
} from './fleet-plan.ts';
import { SequenceSet } from './sequence-set.ts';
import type { ReceivedPublish } from './wire-packets.ts';

export interface BackendDeviceReport {
  readonly index: number;
  readonly commandsSent: number;
  readonly commandsUnacknowledged: readonly number[];
  /** Telemetry that neither broker delivered, up to the largest number seen; that number; arrivals beyond the first at one broker. */
  readonly telemetry: { readonly missing: readonly number[]; readonly largest: number; readonly duplicates: number };
}

export interface WillReport {
  readonly clientId: string;
  readonly side: Side;
  readonly atMs: number;
}

export interface BackendReport {
  readonly devices: readonly BackendDeviceReport[];
  readonly wills: readonly WillReport[];
  /** Telemetry that no device sent. */
  readonly strangers: readonly string[];
}

/** The backends on either broker: they send commands, and watch what arrives of telemetry and wills. */
export type BackendApi = {
  start(question: { readonly devices: number; readonly ports: Readonly<Record<Side, number>> }): Promise<void>;
  /** Retained values for all devices, on both brokers. */
  retain(question: null): Promise<void>;
  /** The messages that wait for devices that start offline. */
  queue(question: null): Promise<void>;
  startCommands(question: null): void;
  stopCommands(question: null): void;
  /** One message for each device on each side, not mirrored, that names the side. */
  probe(question: readonly Side[]): Promise<void>;
  unacknowledged(question: null): number;
  /** Different telemetry messages that arrived. */
  received(question: null): number;
  sent(question: null): number;
  report(question: null): BackendReport;
  /** When each of these commands was sent, and when acknowledged, machine milliseconds. */
  timesOf(question: readonly DeviceMessage[]): readonly { readonly sentMs: number; readonly acknowledgedMs: number }[];
};

/** What the backends know of one device. */
class DeviceRecord {
  readonly plan: DevicePlan;
  readonly sentMs: number[] = [];
  readonly acknowledgedMs: number[] = [];
  readonly arrived: Readonly<Record<Side, SequenceSet>> = { legacy: new SequenceSet(), target: new SequenceSet() };

  constructor(plan: DevicePlan) {
    this.plan = plan;
  }

  get largestArrived(): number {
    return Math.max(this.arrived.legacy.largest, this.arrived.target.largest);
  }

  missing(): readonly number[] {
    return this.arrived.legacy.missing(this.largestArrived).filter((number) => !this.arrived.target.has(number));
  }

  describe(): BackendDeviceReport {
    const commandsSent = this.sentMs.length;
    const numbers = Array.from({ length: commandsSent }, (_, index) => index + 1);
    return {
      index: this.plan.index,
      commandsSent,
      commandsUnacknowledged: numbers.filter((number) => this.acknowledgedMs[number - 1] === undefined),
      telemetry: {
        missing: this.missing(),
        largest: this.largestArrived,
        duplicates: this.arrived.legacy.duplicates + this.arrived.target.duplicates,
      },
    };
  }
}

const ticksPerSecond = 20;
const wills: WillReport[] = [];
const strangers: string[] = [];
const links = new Map<Side, BrokerLink>();
let records: readonly DeviceRecord[] = [];
let timer: NodeJS.Timeout | undefined;

serve<BackendApi>({
  async start({ devices, ports }) {
    records = Array.from({ length: devices }, (_, index) => new DeviceRecord(devicePlan(index)));
    await Promise.all(sides.flatMap((side) => openSide(side, ports[side])));
  },
  async retain() {
    const all = records.flatMap(({ plan }) =>
      sides.map((side) => published(side, retainedTopic(plan.clientId), 'value', { retain: true })),
    );
    await Promise.all(all);
  },
  async queue() {
    for (const record of records) {
      if (record.plan.startsOffline) for (let sent = 0; sent < queuedPerDevice; sent += 1) sendCommand(record);
    }
    while (unacknowledged() > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  },
  startCommands() {
    let tick = 0;
    timer = setInterval(() => {
      tick += 1;
      for (let index = tick % ticksPerSecond; index < records.length; index += ticksPerSecond) {
        const record = records[index];
        if (record !== undefined) sendCommand(record);
      }
    }, 1_000 / ticksPerSecond);
  },
  stopCommands() {
    clearInterval(timer);
  },
  async probe(wanted) {
    const all = records.flatMap(({ plan }) => wanted.map((side) => published(side, probeTopic(plan.clientId), side)));
    await Promise.all(all);
  },
  unacknowledged,
  received: () => records.reduce((sum, record) => sum + record.largestArrived - record.missing().length, 0),
  sent: () => records.reduce((sum, { sentMs }) => sum + sentMs.length, 0),
  report: () => ({ devices: records.map((record) => record.describe()), wills, strangers }),
  timesOf: (commands) =>
    commands.map(({ index, number }) => ({
      sentMs: records[index]?.sentMs[number - 1] ?? 0,
      acknowledgedMs: records[index]?.acknowledgedMs[number - 1] ?? 0,
    })),
});

function openSide(side: Side, port: number): readonly Promise<void>[] {
  const link = new BrokerLink({ port, clientId: 'backend', filters: [], onPublish: () => {} });
  links.set(side, link);
  const observer = new BrokerLink({
    port,
    clientId: 'observer',
    filters: [{ filter: telemetryFilter }, { filter: willFilter }],
    onPublish: (publish, acknowledge) => {
      handleArrival(side, publish);
      acknowledge();
    },
  });
  return [link.open(), observer.open()];
}

function handleArrival(side: Side, publish: ReceivedPublish): void {
  if (publish.topic.startsWith('will/')) {
    wills.push({ clientId: publish.payload, side, atMs: machineMs() });
    return;
  }
  const message = parseNumbered(publish);
  const record = message === undefined ? undefined : records[deviceIndex(message.clientId)];
  if (message === undefined || record === undefined) strangers.push(JSON.stringify(publish));
  else record.arrived[side].add(message.number);
}

function sendCommand({ plan, sentMs, acknowledgedMs }: DeviceRecord): void {
  const nowMs = machineMs();
  const number = sentMs.push(nowMs);
  links.get(commandSide(plan.index, number))?.publish(numberedMessage('cmd', plan, number, nowMs), () => {
    acknowledgedMs[number - 1] = machineMs();
  });
}

function published(side: Side, topic: string, payload: string, options = {}): Promise<void> {
  return new Promise((resolve) => {
    const link = links.get(side);
    if (link === undefined) resolve();
    else link.publish({ topic, payload }, resolve, options);
  });
}

function unacknowledged(): number {
  return [...links.values()].reduce((sum, link) => sum + link.unacknowledged, 0);
}
