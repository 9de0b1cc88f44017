import { systemClock } from '../base/clock.ts';
import { accountOf } from './account-id.ts';
import { CallRates, type CallRatesOptions } from './call-rates.ts';
import { type ControlPlaneOptions, isEmulatedEndpoint, isLoopback } from './control-plane.ts';
import type { DeviceRegistry } from './device-registry.ts';
import { openIotClient } from './iot-client.ts';
import { createSdkDeviceRegistry } from './sdk-device-registry.ts';

export interface DeviceAccountOptions extends Pick<ControlPlaneOptions, 'endpoint' | 'environment'> {
  /** Absent: what the SDK finds. */
  readonly region?: string;
  /** Calls a second in place of the defaults, by operation; absent at an endpoint on this machine: no bound. */
  readonly rates?: CallRatesOptions['rates'];
  readonly onCall?: CallRatesOptions['onCall'];
  /** How often a throttled or failed call is made at most; absent: as often as `CallRates` does. */
  readonly tries?: number;
}

/** An account as far as its devices are concerned, opened. */
export interface DeviceAccount {
  readonly registry: DeviceRegistry;
  /**
   * Whose account it is, as the ARN of a policy says that is there: 12 digits; undefined at an endpoint that does not
   * tell. Rejects with an IotFailure.
   */
  accountId(policyName: string): Promise<string | undefined>;
  close(): void;
}

/** Loads the SDK; makes no call. */
export async function openDeviceAccount(options: DeviceAccountOptions): Promise<DeviceAccount> {
  const { region, endpoint, environment, rates, onCall, tries } = options;
  const [sdk, client] = await Promise.all([
    import('@aws-sdk/client-iot'),
    openIotClient({
      isEmulated: isEmulatedEndpoint(endpoint, environment),
      ...(region === undefined ? {} : { region }),
      ...(endpoint === undefined ? {} : { endpoint }),
    }),
  ]);
  const paced = new CallRates({
    clock: systemClock,
    isUnlimited: rates === undefined && endpoint !== undefined && isLoopback(endpoint),
    ...(rates === undefined ? {} : { rates }),
    ...(onCall === undefined ? {} : { onCall }),
    ...(tries === undefined ? {} : { tries }),
  });
  return {
    registry: createSdkDeviceRegistry(sdk, client, paced),
    async accountId(policyName) {
      const { policyArn } = await paced.call('GetPolicy', () => client.getPolicy({ policyName }));
      return accountOf(policyArn);
    },
    close: () => client.destroy(),
  };
}

/** Every call that a device may cost, at one rate. */
export function deviceCallRates(perSecond: number): Readonly<Record<string, number>> {
  return Object.fromEntries(deviceOperations.map((operation) => [operation, perSecond]));
}

const deviceOperations = [
  'RegisterCertificate',
  'DescribeCertificate',
  'UpdateCertificate',
  'DeleteCertificate',
  'CreateThing',
  'AttachThingPrincipal',
  'ListPrincipalThingsV2',
  'DetachThingPrincipal',
  'AttachPolicy',
  'ListAttachedPolicies',
  'DetachPolicy',
] as const;
