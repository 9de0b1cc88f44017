import { X509Certificate } from 'node:crypto';
import {
  type DeviceAccount,
  type DeviceAccountOptions,
  deviceCallRates,
  openDeviceAccount,
} from '../aws/device-account.ts';
import { Registrar as AwsRegistrar, type RegistrarTerms } from '../aws/registrar.ts';
import { errorMessage } from '../base/errors.ts';
import { deviceEquipmentOf } from '../config/aws-configuration.ts';
import type { BrokerConfiguration, Configuration } from '../config/configuration.ts';
import { type ConfigurationSource, createSystemSource, readText } from '../config/configuration-source.ts';
import { fileBounds } from '../config/file-bounds.ts';
import type { Registrar, RegistrationRequest, RegistrationResult } from '../gateway/registrar.ts';
import type { Logger } from '../telemetry/logger.ts';

/** Registrations under way and waiting in one worker: a device that finds no room is registered at its next contact. */
const pending = 64;
const concurrency = 8;
/** A device waits for it, so that it is told soon that there is no room. */
const tries = 2;

/** An account takes 10 certificates a second by its API where it registers 15 just in time. */
const apiShare = 10 / 15;

export interface SightRegistrarDeps {
  /** Where credentials are looked for. */
  readonly environment: DeviceAccountOptions['environment'];
  /** Default: the file system. */
  readonly source?: ConfigurationSource;
  readonly log: Logger;
}

/**
 * What registers devices on sight for a worker, by the configuration's `aws` section; undefined: no broker wants it. The
 * account is opened, and the SDK loaded, at the first registration. The workers share the rate evenly.
 */
export function createSightRegistrar(
  { brokers, aws, workers }: Pick<Configuration, 'brokers' | 'aws' | 'workers'>,
  { environment, source = createSystemSource(), log }: SightRegistrarDeps,
): Registrar | undefined {
  const onSight = Object.values(brokers).filter(({ identity }) => identity.register === 'on-sight');
  if (aws === undefined || onSight.length === 0) return undefined;
  const { region, endpoint, gatewayCa, account: wanted } = aws;
  const equipment = deviceEquipmentOf(aws);
  const registrars = new Map<string, Promise<AwsRegistrar>>();

  /** With the CA itself, which AWS wants where the account has several of one name and key, as behind a renewal. */
  function termsOf({ identity }: BrokerConfiguration): RegistrarTerms {
    // Without a registered CA too: the gateway always sends SNI.
    if (gatewayCa === undefined) return { ...equipment, authority: 'none' };
    const text = readText(source, identity.ca?.cert ?? gatewayCa.cert, fileBounds.pemBytes);
    return { ...equipment, authority: text.ok ? { pem: new X509Certificate(text.value).toString() } : {} };
  }

  /** Nothing is changed in another account than the configured one. */
  async function requireAccount(account: DeviceAccount): Promise<void> {
    if (wanted === undefined) return;
    const found = await account.accountId(equipment.policyName);
    if (found === undefined || found === wanted) return;
    throw new Error(`the credentials are for account ${found}, and aws.account is ${wanted}`);
  }

  async function open(broker: BrokerConfiguration): Promise<AwsRegistrar> {
    const perSecond = broker.identity.firstContact?.registrationsPerSecond ?? 0;
    const rates = deviceCallRates((perSecond * apiShare) / workers);
    const place = endpoint === undefined ? { region } : { region, endpoint };
    const account = await openDeviceAccount({ ...place, environment, rates, tries });
    try {
      await requireAccount(account);
      return new AwsRegistrar(account.registry, { terms: termsOf(broker), pending, concurrency });
    } catch (error) {
      account.close();
      throw error;
    }
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
