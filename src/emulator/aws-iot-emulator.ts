import { systemClock } from '../base/clock.ts';
import type { Account } from './account/account.ts';
import { type NewAccountOptions, newAccount } from './account/new-account.ts';
import type { AccountGate } from './account-gate.ts';
import { type ControlPlane, type ControlPlaneOptions, startControlPlane } from './control/control-plane.ts';
import { dataApiRoutes } from './data/data-api.ts';
import { DataPlane, type DataPlaneOptions } from './data/data-plane.ts';
import type { IotBroker } from './data/iot-broker.ts';
import { openGate } from './open-gate.ts';

export interface AwsIotEmulatorOptions extends Omit<DataPlaneOptions, 'gate'> {
  readonly account?: NewAccountOptions;
  /** Who is let in and may do what; default: everybody everything. */
  readonly gate?: AccountGate;
  /** TCP port of the control plane and the HTTPS data API, in plain HTTP; default 0: a free one. */
  readonly controlPort?: number;
  readonly control?: Pick<ControlPlaneOptions, 'throttle' | 'beforeCall' | 'tls'>;
}

export interface AwsIotEmulator {
  readonly host: string;
  /** What `endpoint` of an SDK client is set to: control plane and data API. */
  readonly control: string;
  /** The TCP port that stands for 8883. */
  readonly mqtts: number;
  /** The TCP port that stands for 443 with ALPN. */
  readonly alpn: number;
  /** PEM of what MQTT clients have to trust. */
  readonly caPem: string;
  readonly account: Account;
  /** The message broker itself, for its refusals and for what tests ask. */
  readonly broker: IotBroker;
  readonly dataPlane: DataPlane;
  /** Idempotent. */
  stop(): Promise<void>;
}

/** AWS IoT Core on loopback. Resolves when every port is bound. */
export async function startAwsIotEmulator(options: AwsIotEmulatorOptions = {}): Promise<AwsIotEmulator> {
  const { account: accountOptions = {}, gate = openGate, controlPort = 0, control, ...data } = options;
  const { host = '127.0.0.1' } = options;
  const account = newAccount(accountOptions, systemClock.wallMs());
  const dataPlane = await DataPlane.start({ ...data, gate });
  let controlPlane: ControlPlane;
  try {
    controlPlane = await startControlPlane(
      { host, port: controlPort },
      { ...control, account, clock: systemClock, mount: (app) => dataApiRoutes(app, dataPlane.desk) },
    );
  } catch (error) {
    await dataPlane.stop();
    throw error;
  }
  return {
    host,
    control: controlPlane.url,
    ...dataPlane.ports,
    caPem: dataPlane.caPem,
    account,
    broker: dataPlane.broker,
    dataPlane,
    stop: async () => {
      await Promise.all([controlPlane.close(), dataPlane.stop()]);
    },
  };
}
