/** What publishes and hears at one of the two brokers, in a process of its own. */
import { serve } from '../handover/child-program.ts';
import { machineMs } from '../handover/delay-histogram.ts';
import type { WireFilter } from '../handover/wire-packets.ts';
import { Hearing, type HearingReport } from './hearing.ts';
import { TrafficClient } from './traffic-client.ts';
import { parseMessage, payloadOf, type Side, type TrafficPlan, topicOf } from './traffic-plan.ts';

export interface SideOptions {
  readonly side: Side;
  readonly plan: TrafficPlan;
  readonly port: number;
  /** PEM; absent: no TLS. */
  readonly ca?: string;
  /** Messages a second, over all keys. */
  readonly rate: number;
  /** Connections that publish: each has the keys of some groups. */
  readonly publishers: number;
  readonly window: number;
  /** Of each publishing connection; null: no bound. */
  readonly publishesPerSecond: number | null;
  /** Filters of the connections that hear, one after the other; those of the publishing ones stand first. */
  readonly filters: readonly (readonly WireFilter[])[];
}

export interface SideFigures {
  readonly published: number;
  readonly acknowledged: number;
  readonly refused: number;
  readonly pending: number;
  /** Different messages of the other side. */
  readonly heard: number;
  /** Turns of the publisher in which a broker that did not acknowledge had enough to do already. */
  readonly stalls: number;
}

export interface SideReport extends HearingReport {
  /** Own messages that the bridge brought back. */
  readonly cameBack: number;
}

export interface SideApi {
  start(options: SideOptions): Promise<void>;
  begin(): void;
  /** No more is published; what was is still sent until it is acknowledged. */
  cease(): void;
  phase(name: string): void;
  figures(): SideFigures;
  /** The last number of each key. */
  published(): readonly number[];
  missing(last: readonly number[]): ReturnType<Hearing['missing']>;
  report(): SideReport;
}

const turnMs = 10;
/** Seconds' worth of messages that may wait for acknowledgement before nothing more is made. */
const patienceSeconds = 2;

class SideProcess {
  readonly #options: SideOptions;
  readonly #hearing = new Hearing();
  readonly #clients: TrafficClient[];
  readonly #lastNumbers: number[];
  #timer: NodeJS.Timeout | undefined;
  #beganMs = 0;
  #turns = 0;
  #made = 0;
  #stalls = 0;
  #cameBack = 0;

  constructor(options: SideOptions) {
    this.#options = options;
    const { side, publishers, filters, window, publishesPerSecond, port, ca, plan } = options;
    this.#lastNumbers = new Array(plan.keys).fill(0);
    const connections = Math.max(publishers, filters.length);
    this.#clients = Array.from(
      { length: connections },
      (_, index) =>
        new TrafficClient({
          ...{ port, window, clientId: `soak-${side}-${index}`, filters: filters[index] ?? [] },
          ...(ca !== undefined && { ca }),
          publishesPerSecond: publishesPerSecond ?? Number.POSITIVE_INFINITY,
          onPublish: ({ topic, payload }) => this.#hear(topic, payload),
        }),
    );
  }

  get hearing(): Hearing {
    return this.#hearing;
  }

  get lastNumbers(): readonly number[] {
    return this.#lastNumbers;
  }

  get figures(): SideFigures {
    const sum = (figure: (client: TrafficClient) => number) =>
      this.#clients.reduce((total, client) => total + figure(client), 0);
    return {
      published: this.#made,
      acknowledged: sum((client) => client.acknowledgedCount),
      refused: sum((client) => client.refusedCount),
      pending: sum((client) => client.pendingCount),
      heard: this.#hearing.count,
      stalls: this.#stalls,
    };
  }

  get report(): SideReport {
    return { ...this.#hearing.report(), cameBack: this.#cameBack };
  }

  async open(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.open()));
  }

  begin(): void {
    this.#beganMs = machineMs();
    this.#timer = setInterval(() => this.#turn(), turnMs);
  }

  cease(): void {
    clearInterval(this.#timer);
  }

  /** As many as are due by now; a key whose connection has enough waiting is passed over. */
  #turn(): void {
    const { rate, plan, side, publishers } = this.#options;
    const nowMs = machineMs();
    const due = Math.floor(((nowMs - this.#beganMs) * rate) / 1_000);
    const most = Math.max(200, (patienceSeconds * rate) / publishers);
    for (; this.#turns < due; this.#turns += 1) {
      const key = this.#turns % plan.keys;
      const client = this.#clients[(key % plan.groups) % publishers] as TrafficClient;
      if (client.pendingCount >= most) {
        this.#stalls += 1;
        continue;
      }
      const number = (this.#lastNumbers[key] as number) + 1;
      this.#lastNumbers[key] = number;
      this.#made += 1;
      client.publish({ topic: topicOf(plan, side, key), payload: payloadOf({ number, madeMs: nowMs }) });
    }
  }

  #hear(topic: string, payload: string): void {
    const message = parseMessage(topic, payload);
    if (message.side === this.#options.side) this.#cameBack += 1;
    else this.#hearing.hear(message, machineMs());
  }
}

let side: SideProcess | undefined;

function running(): SideProcess {
  if (side === undefined) throw new Error('expected start first');
  return side;
}

serve<SideApi>({
  async start(options) {
    side = new SideProcess(options);
    await side.open();
  },
  begin: () => running().begin(),
  cease: () => running().cease(),
  phase(name) {
    running().hearing.phase = name;
  },
  figures: () => running().figures,
  published: () => running().lastNumbers,
  missing: (last) => running().hearing.missing(last),
  report: () => running().report,
});
