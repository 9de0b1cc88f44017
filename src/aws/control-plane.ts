import { isIP } from 'node:net';
import type { IoT } from '@aws-sdk/client-iot';
import { systemClock } from '../base/clock.ts';
import { CallRates, type CallRatesOptions } from './call-rates.ts';
import { openIotClient } from './iot-client.ts';
import { IotFailure, toIotFailure } from './iot-failure.ts';

/** The control plane of AWS IoT Core at its quotas' pace. Every method rejects with an IotFailure. */
export type ControlPlane = IoT;

export interface ControlPlaneOptions {
  readonly region: string;
  /** Another one than AWS's: an emulator, a proxy, a VPC endpoint. */
  readonly endpoint?: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Otherwise than by default. */
  readonly rates?: Omit<CallRatesOptions, 'clock'>;
}

/**
 * Opens it with credentials from the SDK's default chain; at an endpoint on this machine invented ones stand in where the
 * environment names none. Calls are repeated where that helps, but for those that make something: whether one took
 * effect before its answer was lost, its caller has to see.
 */
export async function openControlPlane({
  region,
  endpoint,
  environment,
  rates,
}: ControlPlaneOptions): Promise<ControlPlane> {
  const isLocal = endpoint !== undefined && isLoopback(endpoint);
  const isEmulated = isEmulatedEndpoint(endpoint, environment);
  const iot = await openIotClient({ region, isEmulated, ...(endpoint !== undefined && { endpoint }) });
  // What does not answer on this machine does not run; nobody should wait to be told.
  const local = isLocal ? { isUnlimited: true, tries: 2 } : {};
  const repeated = new CallRates({ clock: systemClock, ...local, ...rates });
  const madeOnce = new CallRates({ clock: systemClock, ...local, ...rates, tries: 1 });
  iot.middlewareStack.add(
    (next, context) => (args) => {
      const operation = (context.commandName ?? 'Call').replace(/Command$/, '');
      const rates = /^(?:Create|Register)/.test(operation) ? madeOnce : repeated;
      return rates.call(operation, async () => {
        try {
          return await next(args);
        } catch (error) {
          throw endpoint !== undefined && saysNothingOfAws(error) ? notKnownThere(operation, error) : error;
        }
      });
    },
    { step: 'initialize', priority: 'high', name: 'crossfadeCallRates' },
  );
  return iot;
}

/** Whether calls are signed with made-up credentials: the endpoint is this machine's, and the environment names none. */
export function isEmulatedEndpoint(
  endpoint: string | undefined,
  environment: ControlPlaneOptions['environment'],
): boolean {
  return endpoint !== undefined && isLoopback(endpoint) && !namesCredentials(environment);
}

/** Whether the endpoint is this machine's. */
export function isLoopback(endpoint: string): boolean {
  const host = new URL(endpoint).hostname.replace(/^\[|\]$/g, '');
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

function namesCredentials(environment: ControlPlaneOptions['environment']): boolean {
  return Boolean(environment['AWS_ACCESS_KEY_ID'] || environment['AWS_PROFILE']);
}

/**
 * What stands in for AWS answers so to an operation that it has no code for: with a status and no exception of AWS's.
 * AWS itself always names one.
 */
function saysNothingOfAws(error: unknown): boolean {
  const status = toStatus(error);
  const isNamed = error instanceof Error && error.name.endsWith('Exception');
  return !isNamed && (status === 404 || status === 405 || status === 500 || status === 501);
}

function notKnownThere(operation: string, cause: unknown): IotFailure {
  const message = `the endpoint does not know it (HTTP ${toStatus(cause)})`;
  return new IotFailure('unsupported', operation, { message, cause });
}

function toStatus(error: unknown): number | undefined {
  return toIotFailure('', error).httpStatus;
}
