import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { IConnectPacket } from 'mqtt-packet';
import { type AwsIotEmulator, startAwsIotEmulator } from '../../../src/emulator/aws-iot-emulator.ts';
import { openGate } from '../../../src/emulator/open-gate.ts';
import { type GatewayUnderTest, startGatewayUnderTest } from '../gateway-under-test.ts';
import { type MosquittoBroker, startMosquitto } from '../mosquitto-broker.ts';
import { temporaryDirectory } from '../spawned-process.ts';
import { WireDevice } from '../wire-device.ts';
import type { WireVersion } from '../wire-frames.ts';
import type { SwitchName } from './switched-off.ts';

const preload = fileURLToPath(new URL('./switch-off-adaptation.ts', import.meta.url));

/** The two brokers, which know nothing of the gateways before them. */
export interface AdaptationBrokers extends AsyncDisposable {
  readonly legacy: MosquittoBroker;
  readonly aws: AwsIotEmulator;
  /** PEM file of the emulator's server CA. */
  readonly ca: string;
}

export async function openAdaptationBrokers(): Promise<AdaptationBrokers> {
  await using opened = new AsyncDisposableStack();
  const legacy = opened.use(await startMosquitto());
  const aws = opened.adopt(await startAwsIotEmulator({ gate: openGate, connectsPerSecond: 10_000 }), (emulator) =>
    emulator.stop(),
  );
  const ca = join(opened.use(await temporaryDirectory()).path, 'aws-ca.pem');
  await writeFile(ca, aws.caPem);
  const all = opened.move();
  return { legacy, aws, ca, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

/** A gateway that has everybody on the emulator, whole or without one of its adaptations. */
export class AdaptationWorld implements AsyncDisposable {
  readonly legacy: MosquittoBroker;
  readonly aws: AwsIotEmulator;
  readonly gateway: GatewayUnderTest;
  /** Client IDs begin with it, so that gateways that share the brokers do not meet. */
  readonly prefix: string;
  readonly #patienceMs: number;
  readonly #devices = new DisposableStack();

  private constructor(parts: {
    readonly brokers: AdaptationBrokers;
    readonly gateway: GatewayUnderTest;
    readonly prefix: string;
    readonly patienceMs: number;
  }) {
    this.legacy = parts.brokers.legacy;
    this.aws = parts.brokers.aws;
    this.gateway = parts.gateway;
    this.prefix = parts.prefix;
    this.#patienceMs = parts.patienceMs;
  }

  static async open(
    brokers: AdaptationBrokers,
    { prefix, without }: { readonly prefix: string; readonly without?: SwitchName },
  ): Promise<AdaptationWorld> {
    const url = `mqtts://127.0.0.1:${brokers.aws.mqtts}`;
    const tls = { ca: brokers.ca, servername: 'data.iot.example' };
    const everyone = { name: 'everyone', match: { all: true }, source: 'legacy', target: 'aws', weightBps: 10_000 };
    const gateway = await startGatewayUnderTest({
      brokers: { legacy: { url: brokers.legacy.url }, aws: { url, tls, profile: 'aws-iot-core' } },
      plan: { default: 'legacy', cohorts: [everyone] },
      ...(without !== undefined && {
        environment: { ADAPTATION_SWITCHED_OFF: without, NODE_OPTIONS: `--import=${preload}` },
      }),
    });
    // What does not come without its adaptation need not be waited for as long.
    return new AdaptationWorld({ brokers, gateway, prefix, patienceMs: without === undefined ? 8_000 : 2_500 });
  }

  async connect(name: string, version: WireVersion, fields: Partial<IConnectPacket> = {}): Promise<WireDevice> {
    const device = await this.dial(version);
    const { returnCode, reasonCode } = await device.connect(this.prefix + name, fields);
    assert.equal(returnCode ?? reasonCode, 0, `${name} was let in`);
    return device;
  }

  async dial(version: WireVersion): Promise<WireDevice> {
    const device = this.#devices.use(await WireDevice.dial({ port: this.gateway.plainPort }, version));
    device.patienceMs = this.#patienceMs;
    return device;
  }

  /** Somebody at the emulator's own door. */
  async thirdParty(name: string, version: WireVersion = 4): Promise<WireDevice> {
    const tls = { ca: this.aws.caPem, servername: 'data.iot.example' };
    const device = this.#devices.use(await WireDevice.dial({ port: this.aws.mqtts, tls }, version));
    await device.connect(`${this.prefix}${name}`);
    return device;
  }

  /** What the emulator refused of clients of this world. */
  refusals(): readonly string[] {
    return this.aws.broker.refusals
      .list()
      .filter(({ clientId }) => clientId.includes(this.prefix))
      .map(({ clientId, reason }) => `${clientId}: ${reason}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#devices.dispose();
    await this.gateway.stop();
  }
}
