import { createSecureContext } from 'node:tls';
import { serve } from './child-program.ts';
import { type DelaysByPhase, machineMs, PhasedDelays } from './delay-histogram.ts';
import { type Absence, FleetDevice, type FleetSurroundings } from './fleet-device.ts';
import { type DeviceMessage, devicePlan } from './fleet-plan.ts';

export interface FleetQuestion {
  readonly devices: number;
  readonly keepAliveSeconds: number;
  readonly port: number;
  readonly servername: string;
  /** PEM texts. */
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

export interface DeviceReport {
  readonly index: number;
  /** Commands received: numbers up to the largest that are missing, the largest, arrivals beyond the first. */
  readonly commands: { readonly missing: readonly number[]; readonly largest: number; readonly duplicates: number };
  readonly published: number;
  readonly unacknowledged: readonly number[];
  readonly absences: readonly Absence[];
  readonly closes: number;
  readonly lastClose: string;
  readonly subscribes: number;
  readonly sessionsLost: number;
  readonly retainedReceived: number;
  readonly strangers: readonly string[];
  readonly stalls: number;
  readonly isReady: boolean;
}

export interface FleetReport {
  readonly devices: readonly DeviceReport[];
  readonly commandDelays: DelaysByPhase;
  readonly acknowledgementDelays: DelaysByPhase;
  readonly pingDelays: DelaysByPhase;
}

/** All devices, in one process. */
export type FleetApi = {
  /** Connects everybody; those that start offline subscribe and leave again. */
  start(question: FleetQuestion): Promise<void>;
  startPublishing(question: null): void;
  stopPublishing(question: null): void;
  phase(phase: string): void;
  /** Connects these; resolves when they are ready. */
  wake(indexes: readonly number[]): Promise<void>;
  /** Devices that want a connection, and those of them that have one. */
  readiness(question: null): { readonly wanted: number; readonly ready: number; readonly closes: number };
  /** What each device's probe topic brought since the last call. */
  probes(question: null): readonly (readonly string[])[];
  unacknowledged(question: null): number;
  /** Commands received, the first of each. */
  received(question: null): number;
  report(question: null): FleetReport;
  /** When each of these messages was acknowledged, machine milliseconds. */
  acknowledgedMs(question: readonly DeviceMessage[]): readonly number[];
};

const connectsUnderWay = 24;
/** Devices publish in turn, spread over a second; they ping once in so many seconds. */
const ticksPerSecond = 20;
const pingSeconds = 8;
const pollMs = 10;
const connectDeadlineMs = 120_000;

const delays = { commands: new PhasedDelays(), acknowledgements: new PhasedDelays(), pings: new PhasedDelays() };
let devices: readonly FleetDevice[] = [];
let wanted = new Set<FleetDevice>();
let timer: NodeJS.Timeout | undefined;

serve<FleetApi>({
  async start(question) {
    const surroundings = surroundingsFor(question);
    devices = Array.from({ length: question.devices }, (_, index) => new FleetDevice(devicePlan(index), surroundings));
    await connectAll(devices);
    for (const device of devices) if (device.plan.startsOffline) device.leave();
    wanted = new Set(devices.filter(({ plan }) => !plan.startsOffline));
  },
  startPublishing() {
    let tick = 0;
    timer = setInterval(() => {
      tick += 1;
      for (let index = tick % ticksPerSecond; index < devices.length; index += ticksPerSecond) {
        devices[index]?.publish();
        if ((index + Math.floor(tick / ticksPerSecond)) % pingSeconds === 0) devices[index]?.ping();
      }
    }, 1_000 / ticksPerSecond);
  },
  stopPublishing() {
    clearInterval(timer);
  },
  phase(phase) {
    for (const one of Object.values(delays)) one.phase = phase;
  },
  async wake(indexes) {
    const woken = indexes.flatMap((index) => devices[index] ?? []);
    for (const device of woken) wanted.add(device);
    await connectAll(woken);
  },
  readiness: () => ({
    wanted: wanted.size,
    ready: [...wanted].filter(({ isReady }) => isReady).length,
    closes: sumOf(({ closes }) => closes),
  }),
  probes: () =>
    devices.map((device) => {
      const { probes } = device;
      device.probes = [];
      return probes;
    }),
  unacknowledged: () => sumOf(({ unacknowledgedNumbers }) => unacknowledgedNumbers.length),
  received: () => sumOf(({ commands }) => commands.count),
  acknowledgedMs: (messages) => messages.map(({ index, number }) => devices[index]?.acknowledgedMs[number - 1] ?? 0),
  report: () => ({
    devices: devices.map(describe),
    commandDelays: delays.commands.summaries(),
    acknowledgementDelays: delays.acknowledgements.summaries(),
    pingDelays: delays.pings.summaries(),
  }),
});

function surroundingsFor({
  port,
  servername,
  keepAliveSeconds,
  ca,
  certificate,
  key,
}: FleetQuestion): FleetSurroundings {
  return {
    port,
    servername,
    keepAliveSeconds,
    secureContext: createSecureContext({ ca, cert: certificate, key }),
    commandDelays: delays.commands,
    acknowledgementDelays: delays.acknowledgements,
    pingDelays: delays.pings,
  };
}

/** A few at a time, each until it is ready. */
async function connectAll(all: readonly FleetDevice[]): Promise<void> {
  const waiting = [...all];
  const deadlineMs = machineMs() + connectDeadlineMs;
  let underWay: FleetDevice[] = [];
  while (waiting.length > 0 || underWay.length > 0) {
    underWay = underWay.filter(({ isReady }) => !isReady);
    for (const device of waiting.splice(0, connectsUnderWay - underWay.length)) {
      device.connect();
      underWay.push(device);
    }
    const [first] = underWay;
    if (first !== undefined && machineMs() > deadlineMs) {
      throw new Error(`${first.plan.clientId} and others did not connect: ${first.lastClose}`);
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

function sumOf(figure: (device: FleetDevice) => number): number {
  return devices.reduce((sum, device) => sum + figure(device), 0);
}

function describe(device: FleetDevice): DeviceReport {
  const { commands, published, absences, closes, lastClose, subscribes, sessionsLost, retainedReceived } = device;
  return {
    index: device.plan.index,
    commands: {
      missing: commands.missing(commands.largest),
      largest: commands.largest,
      duplicates: commands.duplicates,
    },
    ...{ published, absences, closes, lastClose, subscribes, sessionsLost, retainedReceived },
    unacknowledged: device.unacknowledgedNumbers,
    strangers: device.strangers,
    stalls: device.stalls,
    isReady: device.isReady,
  };
}
