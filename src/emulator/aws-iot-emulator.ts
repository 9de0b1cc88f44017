import { hash } from 'node:crypto';
import type { AccountGate, Admission, ConnectQuestion } from './account-gate.ts';
import { DataPlane, type DataPlaneOptions } from './data/data-plane.ts';
import type { IotBroker } from './data/iot-broker.ts';

export interface AwsIotEmulatorOptions extends Omit<DataPlaneOptions, 'gate'> {
  /** Default: an account that admits everybody. */
  readonly gate?: AccountGate;
}

export interface AwsIotEmulator {
  readonly host: string;
  /** The TCP port that stands for 8883. */
  readonly mqtts: number;
  /** The TCP port that stands for 443 with ALPN. */
  readonly alpn: number;
  /** PEM of what clients have to trust. */
  readonly caPem: string;
  /** The message broker itself, for its refusals and for what tests ask. */
  readonly broker: IotBroker;
  readonly dataPlane: DataPlane;
  stop(): Promise<void>;
}

/** AWS IoT Core on loopback. */
export async function startAwsIotEmulator(options: AwsIotEmulatorOptions = {}): Promise<AwsIotEmulator> {
  const { gate = openGate, ...rest } = options;
  const dataPlane = await DataPlane.start({ ...rest, gate });
  return {
    host: options.host ?? '127.0.0.1',
    ...dataPlane.ports,
    caPem: dataPlane.caPem,
    broker: dataPlane.broker,
    dataPlane,
    stop: () => dataPlane.stop(),
  };
}

/** Everybody may do everything; a principal is named by its certificate, as AWS names it. */
const openGate: AccountGate = {
  accepts: () => true,
  admit: async ({ connection }: ConnectQuestion): Promise<Admission> => {
    const [certificate] = connection.certificates;
    return {
      admitted: true,
      client: {
        principalId: certificate === undefined ? 'anonymous' : hash('sha256', certificate),
        thingName: () => undefined,
        allows: () => true,
        propagatedAttributes: () => [],
      },
    };
  },
};
