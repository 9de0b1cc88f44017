import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { systemClock } from '../../src/base/clock.ts';
import { type Bridge, startBridge } from '../../src/bridge/bridge.ts';
import type { BridgeSettings } from '../../src/bridge/bridge-settings.ts';
import { ServiceDesk, type MoveCall, type VerifyCall } from '../../src/bridge/service-desk.ts';
import type { KnownService, ServiceTimes } from '../../src/bridge/service-work.ts';
import { isWorking, type ServiceRecord, untouchedService } from '../../src/bridge/services/service-record.ts';
import { probeTopicOf } from '../../src/bridge/services/service-terms.ts';
import { brokerProfiles } from '../../src/mqtt/broker-profiles.ts';
import type { ProtocolVersion } from '../../src/mqtt/control-packet.ts';
import { plainDialer } from '../bridge/plain-dialer.ts';
import { silentLog, temporaryFolder } from '../bridge/temporary-folder.ts';
import { bridgeRule } from './bridge-world.ts';
import { type MosquittoBroker, startMosquitto } from './mosquitto-broker.ts';

const times: ServiceTimes = {
  ...{ introduceMs: 10_000, probeMs: 10_000, shareWindowMs: 1_000 },
  ...{ retireMs: 10_000, graceMs: 1_000 },
};
const billing = bridgeRule('billing', 'up', 'dt/#', { share: 'billing', members: 0, order: 'parallel' });
const commands = bridgeRule('commands', 'down', 'cmd/#');

interface WorldOptions {
  readonly instances: readonly string[];
  readonly protocol?: ProtocolVersion;
  readonly times?: Partial<ServiceTimes>;
}

/** Two Mosquittos, a bridge of this process, and the desk of its services. */
export class ServiceWorld implements AsyncDisposable {
  readonly legacy: MosquittoBroker;
  readonly aws: MosquittoBroker;
  readonly bridge: Bridge;
  readonly instances: readonly string[];
  readonly #folder: AsyncDisposable;
  readonly #settings: BridgeSettings;
  readonly #times: ServiceTimes;
  desk: ServiceDesk;

  private constructor(parts: {
    legacy: MosquittoBroker;
    aws: MosquittoBroker;
    bridge: Bridge;
    folder: AsyncDisposable;
    settings: BridgeSettings;
    times: ServiceTimes;
    instances: readonly string[];
  }) {
    this.legacy = parts.legacy;
    this.aws = parts.aws;
    this.bridge = parts.bridge;
    this.#folder = parts.folder;
    this.#settings = parts.settings;
    this.#times = parts.times;
    this.instances = parts.instances;
    this.desk = this.#openDesk();
  }

  static async start({ instances, protocol = '5', times: more }: WorldOptions): Promise<ServiceWorld> {
    const [legacy, aws] = await Promise.all([startMosquitto({ quiet: true }), startMosquitto({ quiet: true })]);
    const folder = await temporaryFolder();
    const broker = { profile: brokerProfiles.mqtt, protocol };
    const settings: BridgeSettings = {
      name: 'bridge',
      directory: join(folder.path, 'bridge'),
      rules: [billing, commands],
      brokers: { legacy: broker, aws: broker },
      ackTimeoutMs: 3_000,
      spool: { maxBytes: 50_000_000, maxAgeMs: 3_600_000, afterMs: 200 },
      deadLetters: { maxBytes: 50_000_000 },
      breaker: { repeats: 200, windowMs: 10_000 },
    };
    const dialer = plainDialer({ legacy: legacy.port, aws: aws.port });
    const bridge = await startBridge(settings, { dialer, clock: systemClock, log: silentLog });
    await bridge.open;
    return new ServiceWorld({ legacy, aws, bridge, folder, settings, instances, times: { ...times, ...more } });
  }

  get record(): ServiceRecord {
    return this.desk.records()['billing'] ?? untouchedService;
  }

  /** Asks, and waits until it is an operator's turn. Throws the refusal. */
  async move(call: Omit<MoveCall, 'author'>): Promise<ServiceRecord> {
    const begun = this.desk.move('billing', { author: 'ops', ...call });
    if (!begun.ok) throw new Error(begun.error.message);
    return this.settled();
  }

  /** Its record when it is an operator's turn. */
  async settled(): Promise<ServiceRecord> {
    while (isWorking(this.record)) await wait(20);
    return this.record;
  }

  async verify(call: Omit<VerifyCall, 'author'>): Promise<NonNullable<ServiceRecord['verification']>> {
    const begun = this.desk.verify('billing', { author: 'ops', ...call });
    if (!begun.ok) throw new Error(begun.error.message);
    for (;;) {
      const { verification } = this.record;
      if (verification !== undefined && verification.state !== 'running') return verification;
      await wait(20);
    }
  }

  /** As a process that starts where another has ended. */
  async restartDesk(): Promise<void> {
    await this.desk.stop();
    this.desk = this.#openDesk();
    this.desk.start();
  }

  #openDesk(): ServiceDesk {
    const { legacy, aws, bridge, instances } = this;
    const { name, directory, brokers } = this.#settings;
    const service: KnownService = {
      terms: {
        ...{ name: 'billing', rule: 'billing', instances, filters: ['dt/#'], publishes: [], returns: 'commands' },
        probeTopic: probeTopicOf('dt/#'),
      },
      rule: billing.rule,
      members: 0,
      returns: commands.rule,
    };
    return new ServiceDesk({
      ...{ directory, brokers, bridgeName: name, board: bridge.board, services: [service], times: this.#times },
      dialer: plainDialer({ legacy: legacy.port, aws: aws.port }),
      ...{ clock: systemClock, log: silentLog },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.aws.thaw();
    this.legacy.thaw();
    await this.desk.stop();
    await this.bridge.stop();
    await Promise.all([this.legacy.stop(), this.aws.stop()]);
    await this.#folder[Symbol.asyncDispose]();
  }
}
