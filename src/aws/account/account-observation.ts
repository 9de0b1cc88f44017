import { accountOf } from '../account-id.ts';
import { isIotFailure } from '../iot-failure.ts';
import type { ControlPlane } from '../control-plane.ts';
import { type Reading, type Resource, resourceId } from './resource.ts';
import { readResource } from './resource-operations.ts';

/** An account as it is. */
export interface AccountObservation {
  /** 12 digits, learnt from an ARN; absent: nothing there has one. */
  readonly account?: string;
  /** The host name that devices reach AWS at without a domain of their own. */
  readonly dataEndpoint?: string;
  /** By `resourceId`. */
  readonly readings: ReadonlyMap<string, Reading>;
}

/** Reads the account and all that is asked after, one after the other. Rejects with an IotFailure. */
export async function observeAccount(
  iot: ControlPlane,
  resources: readonly Resource[],
  onRead: (done: number, resource: Resource) => void = () => {},
): Promise<AccountObservation> {
  const dataEndpoint = await optional(iot.describeEndpoint({ endpointType: 'iot:Data-ATS' }));
  const own = await optional(iot.describeDomainConfiguration({ domainConfigurationName: 'iot:Data-ATS' }));
  const readings = new Map<string, Reading>();
  for (const [done, resource] of resources.entries()) {
    onRead(done, resource);
    readings.set(resourceId(resource), await readResource(iot, resource));
  }
  const arns = [own?.domainConfigurationArn, ...[...readings.values()].map(arnOf)];
  const account = arns.map(accountOf).find((found) => found !== undefined);
  return {
    ...(account !== undefined && { account }),
    ...(dataEndpoint?.endpointAddress !== undefined && { dataEndpoint: dataEndpoint.endpointAddress }),
    readings,
  };
}

function arnOf(reading: Reading): string | undefined {
  return reading.state === 'present' ? reading.actual.arn : undefined;
}

/** What not every endpoint knows, and what can be done without. */
async function optional<Value>(answer: Promise<Value>): Promise<Value | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isIotFailure(error, 'not-found', 'unsupported')) return undefined;
    throw error;
  }
}
