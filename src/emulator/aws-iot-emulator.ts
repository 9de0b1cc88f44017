import { systemClock } from '../base/clock.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Account } from './account/account.ts';
import { type NewAccountOptions, newAccount } from './account/new-account.ts';
import type { AccountGate, MessageBroker } from './account-gate.ts';
import { type AccountGateOptions, createAccountGate } from './admission/account-gate.ts';
import { type ControlPlane, type ControlPlaneOptions, startControlPlane } from './control/control-plane.ts';
import { dataApiRoutes } from './data/data-api.ts';
import { DataPlane, type DataPlaneOptions } from './data/data-plane.ts';
import type { IotBroker } from './data/iot-broker.ts';
import { createLocalDestinations } from './rules/local-destinations.ts';
import type { RuleDestinations } from './rules/rule-destinations.ts';
import { createRulesEngine } from './rules/rules-engine.ts';

export interface AwsIotEmulatorOptions extends Omit<DataPlaneOptions, 'gate'> {
  /** Without a Region it is in that of the first signed call to its control plane. */
  readonly account?: NewAccountOptions;
  /** Who is let in and may do what; default: as the account says, so in a new one nobody. `openGate`: everybody all. */
  readonly gate?: AccountGate;
  /** What AWS does not say of just-in-time registration and of the client certificate callback. */
  readonly admission?: Pick<AccountGateOptions, 'registrationEventTellsClientId' | 'callbackChain'>;
  /** Where rules write: `s3/BUCKET/KEY` and `logs/GROUP` below it; default: nowhere, and those actions fail. */
  readonly rulesFolder?: string;
  /** Told of what rules could not do; default: nobody is. */
  readonly log?: Pick<Logger, 'warn'>;
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
  const {
    account: accountOptions,
    gate,
    admission,
    rulesFolder,
    log = silence,
    controlPort = 0,
    control,
    ...data
  } = options;
  const { host = '127.0.0.1' } = options;
  const account = newAccount({ dataAliases: ['localhost'], ...accountOptions }, systemClock.wallMs());
  let broker: MessageBroker | undefined;
  const publish: MessageBroker['publish'] = (message) => broker?.publish(message);
  const ofAccount = createAccountGate({ ...admission, account, clock: systemClock, publish });
  const dataPlane = await DataPlane.start({ ...data, gate: gate ?? ofAccount });
  broker = dataPlane;
  const destinations = rulesFolder === undefined ? nowhere : createLocalDestinations(rulesFolder);
  const rules = createRulesEngine({ account, broker: dataPlane, destinations, log });
  dataPlane.onAccepted((message) => rules.accept(message));
  account.onPrincipalEnded.add((principalId) => dataPlane.disconnectPrincipal(principalId));
  let controlPlane: ControlPlane;
  try {
    controlPlane = await startControlPlane(
      { host, port: controlPort },
      {
        ...control,
        adoptsRegion: accountOptions?.identity?.region === undefined,
        account,
        clock: systemClock,
        mount: (app) => dataApiRoutes(app, dataPlane.desk),
      },
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
      await rules.stop();
    },
  };
}

const silence: Pick<Logger, 'warn'> = { warn: () => {} };

const nowhere: RuleDestinations = {
  writeObject: async () => Promise.reject(new Error('The emulator has no folder for objects')),
  appendLog: async () => Promise.reject(new Error('The emulator has no folder for logs')),
};
