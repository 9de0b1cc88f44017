import { type DeviceAccountOptions, deviceCallRates, openDeviceAccount } from '../aws/device-account.ts';
import { Registrar as AwsRegistrar } from '../aws/registrar.ts';
import { errorMessage } from '../base/errors.ts';
import { deviceEquipmentOf } from '../config/aws-configuration.ts';
import type { BrokerConfiguration, Configuration } from '../config/configuration.ts';
import type { Registrar, RegistrationRequest, RegistrationResult } from '../gateway/registrar.ts';
import type { Logger } from '../telemetry/logger.ts';

/** Registrations under way and waiting in one worker: a device that finds no room is registered at its next contact. */
const pending = 64;
const concurrency = 8;
/** A device waits for it, so that it is told soon that there is no room. */
const tries = 2;

/** An account takes 10 certificates a second by its API where it registers 15 just in time. */
const apiShare = 10 / 15;

/**
 * What registers devices on sight for a worker, by the configuration's `aws` section; undefined: no broker wants it. The
 * account is opened, and the SDK loaded, at the first registration. The workers share the rate evenly.
 */
export function createSightRegistrar(
  { brokers, aws, workers }: Pick<Configuration, 'brokers' | 'aws' | 'workers'>,
  { environment, log }: { readonly environment: DeviceAccountOptions['environment']; readonly log: Logger },
): Registrar | undefined {
  const onSight = Object.values(brokers).filter(({ identity }) => identity.register === 'on-sight');
  if (aws === undefined || onSight.length === 0) return undefined;
  const { region, endpoint, gatewayCa } = aws;
  // Without a registered CA too: the gateway always sends SNI.
  const terms = { ...deviceEquipmentOf(aws), authority: gatewayCa === undefined ? ('none' as const) : {} };
  const registrars = new Map<string, Promise<AwsRegistrar>>();

  async function open(broker: BrokerConfiguration): Promise<AwsRegistrar> {
    const perSecond = broker.identity.firstContact?.registrationsPerSecond ?? 0;
    const rates = deviceCallRates((perSecond * apiShare) / workers);
    const place = endpoint === undefined ? { region } : { region, endpoint };
    const { registry } = await openDeviceAccount({ ...place, environment, rates, tries });
    return new AwsRegistrar(registry, { terms, pending, concurrency });
  }

  function registrarOf(broker: BrokerConfiguration): Promise<AwsRegistrar> {
    const kept = registrars.get(broker.name);
    if (kept !== undefined) return kept;
    const opened = open(broker);
    registrars.set(broker.name, opened);
    opened.catch(() => registrars.delete(broker.name));
    return opened;
  }

  async function register({ broker: name, certificate }: RegistrationRequest): Promise<RegistrationResult> {
    const broker = onSight.find((each) => each.name === name);
    if (broker === undefined) return 'throttled';
    try {
      const registered = await (await registrarOf(broker)).register({ certificate });
      if (registered.outcome === 'refused') {
        const { reason, message } = registered;
        log.warn({ broker: name, reason, problem: message }, 'AWS refuses to register a device');
        // The devices are not to blame: they are registered when the account is set right.
        if (reason === 'unauthorized' || reason === 'missing-resource') return 'throttled';
      }
      return registered.outcome;
    } catch (error) {
      log.error({ broker: name, problem: errorMessage(error) }, 'The account cannot be opened to register devices');
      return 'throttled';
    }
  }

  return { register };
}
