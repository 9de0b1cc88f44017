import assert from 'node:assert/strict';
import type { IConnectPacket } from 'mqtt-packet';
import { eventually } from '../e2e/eventually.ts';
import { answerOf } from '../e2e/gateway-process.ts';
import { type GatewayUnderTest, startGatewayUnderTest } from './gateway-under-test.ts';
import { LimitedBroker, type LimitedBrokerOptions } from './limited-broker.ts';
import { type MosquittoBroker, startMosquitto } from './mosquitto-broker.ts';
import { WireDevice } from './wire-device.ts';
import type { WireVersion } from './wire-frames.ts';

/**
 * What two packets sent a second apart may come closer on a busy machine; the strict second of the broker is narrowed by
 * it, so that a pace that is kept is not taken for one that is not.
 */
const rateWindowMs = 900;

/** A fleet that was moved: `legacy` is a Mosquitto, `aws` the limited broker, and everybody belongs on `aws`. */
export class LimitedWorld implements AsyncDisposable {
  readonly legacy: MosquittoBroker;
  readonly aws: LimitedBroker;
  readonly gateway: GatewayUnderTest;
  readonly #opened: AsyncDisposableStack;

  private constructor(parts: {
    readonly legacy: MosquittoBroker;
    readonly aws: LimitedBroker;
    readonly gateway: GatewayUnderTest;
    readonly opened: AsyncDisposableStack;
  }) {
    this.legacy = parts.legacy;
    this.aws = parts.aws;
    this.gateway = parts.gateway;
    this.#opened = parts.opened;
  }

  static async open(options: LimitedBrokerOptions = {}): Promise<LimitedWorld> {
    await using opened = new AsyncDisposableStack();
    const legacy = opened.use(await startMosquitto());
    const aws = opened.use(await LimitedBroker.start({ rateWindowMs, connackDelayMs: 20, ...options }));
    const everyone = { name: 'everyone', match: { all: true }, source: 'legacy', target: 'aws', weightBps: 10_000 };
    const gateway = opened.use(
      await startGatewayUnderTest({
        brokers: { legacy: { url: legacy.url }, aws: { url: aws.url, profile: 'aws-iot-core' } },
        plan: { default: 'legacy', cohorts: [everyone] },
      }),
    );
    return new LimitedWorld({ legacy, aws, gateway, opened: opened.move() });
  }

  /** A device at the gateway; it ends with the world at the latest. */
  async dial(version: WireVersion): Promise<WireDevice> {
    return this.#opened.use(await WireDevice.dial({ port: this.gateway.plainPort }, version));
  }

  async connect(clientId: string, version: WireVersion, fields: Partial<IConnectPacket> = {}): Promise<WireDevice> {
    const device = await this.dial(version);
    const { returnCode, reasonCode } = await device.connect(clientId, fields);
    assert.equal(returnCode ?? reasonCode, 0, `${clientId} was let in`);
    return device;
  }

  /** Ends of the client ID's connections that the limited broker's rules made. */
  violations(clientId: string): readonly string[] {
    return this.aws.violations.filter((violation) => violation.startsWith(`${clientId}: `));
  }

  /** Somebody else, at a broker's own door. */
  async thirdParty(at: { readonly port: number }, clientId: string, version: WireVersion = 4): Promise<WireDevice> {
    const device = this.#opened.use(await WireDevice.dial(at, version));
    await device.connect(clientId);
    return device;
  }

  /** The broker that a client ID's session is on, once there is one. */
  homeOf(clientId: string): Promise<string> {
    return eventually(`a session of ${clientId}`, async () => {
      const [session] = answerOf(await this.gateway.admin.sessions({ clientId }));
      return session?.home;
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#opened.disposeAsync();
  }
}
