import { deepFreeze } from '../base/freeze.ts';
import { profileNamed } from '../mqtt/broker-profiles.ts';
import type { Plan } from '../plan/plan.ts';
import { resolveAws } from './aws-configuration.ts';
import { resolveBridge } from './bridge-configuration.ts';
import type {
  BrokerConfiguration,
  CertificateFiles,
  Configuration,
  ListenerConfiguration,
  NameserverConfiguration,
} from './configuration.ts';
import { firstContactDefaults, mintedCertificatesDefaults } from './schema/broker-schema.ts';
import type { ParsedConfiguration } from './schema/configuration-schema.ts';

export interface Surroundings {
  /** Makes a path of the file absolute. */
  readonly absolute: (path: string) => string;
  /** What `workers: auto` stands for. */
  readonly cores: number;
}

/** The validated file as the frozen tree that every part gets its slice of. */
export function resolveConfiguration(parsed: ParsedConfiguration, surroundings: Surroundings): Configuration {
  const { absolute, cores } = surroundings;
  const { nameserver, brokers, admin, aws, ...rest } = parsed;
  const { tls: adminTls, ...adminRest } = admin;
  const configuration: Configuration = {
    ...rest,
    listeners: parsed.listeners.map((listener) => resolveListener(listener, absolute)),
    brokers: Object.fromEntries(
      Object.entries(brokers).map(([name, broker]) => [name, resolveBroker(name, broker, absolute)]),
    ),
    plan: resolvePlan(parsed, absolute),
    store: { ...parsed.store, path: absolute(parsed.store.path) },
    ...(nameserver === undefined ? {} : { nameserver: resolveNameserver(nameserver, absolute) }),
    admin: { ...adminRest, ...(adminTls === undefined ? {} : { tls: resolveFiles(adminTls, absolute) }) },
    bridge: resolveBridge(parsed.bridge, absolute),
    ...(aws === undefined ? {} : { aws: resolveAws(aws, absolute) }),
    workers: parsed.workers === 'auto' ? cores : parsed.workers,
  };
  return deepFreeze(configuration);
}

type Absolute = Surroundings['absolute'];
type ParsedListener = ParsedConfiguration['listeners'][number];
type ParsedBroker = ParsedConfiguration['brokers'][string];

function resolveListener({ tls, ...rest }: ParsedListener, absolute: Absolute): ListenerConfiguration {
  if (tls === undefined) return rest;
  return {
    ...rest,
    tls: {
      ...tls,
      certificates: tls.certificates.map((files) => resolveFiles(files, absolute)),
      trustedCas: tls.trustedCas.map(absolute),
      crls: tls.crls.map(absolute),
    },
  };
}

function resolveBroker(name: string, parsed: ParsedBroker, absolute: Absolute): BrokerConfiguration {
  const { url, urls, tls, identity, versions, undeliverableRecord, ...rest } = parsed;
  const { ca, cert, key, certificates, firstContact, register, authorizer, ...identityRest } = identity;
  return {
    name,
    endpoints: url === undefined ? (urls ?? []) : [url],
    ...rest,
    versions: versions ?? profileNamed(rest.profile).versions,
    ...(undeliverableRecord === undefined ? {} : { undeliverableRecord: absolute(undeliverableRecord) }),
    tls: { ...tls, ...(tls.ca === undefined ? {} : { ca: absolute(tls.ca) }) },
    identity: {
      ...identityRest,
      ...(cert === undefined ? {} : { cert: absolute(cert) }),
      ...(key === undefined ? {} : { key: absolute(key) }),
      ...(ca === undefined ? {} : { ca: resolveFiles(ca, absolute) }),
      ...(identity.mode === 'device-certificate'
        ? {
            certificates: certificates ?? mintedCertificatesDefaults,
            register: register ?? 'jitr',
          }
        : {}),
      ...(hasOwnIdentities(identity.mode) ? { firstContact: firstContact ?? firstContactDefaults } : {}),
      ...(authorizer === undefined ? {} : { authorizer: { ...authorizer, key: absolute(authorizer.key) } }),
    },
  };
}

/** What the broker is shown is the device's alone, so it may be refused alone, too. */
function hasOwnIdentities(mode: ParsedBroker['identity']['mode']): boolean {
  return mode === 'device-certificate' || mode === 'custom-authorizer';
}

/** Salt and identity are the fleet's; a revision carries them. */
function resolvePlan({ plan, fleet }: ParsedConfiguration, absolute: Absolute): Plan {
  return {
    default: plan.default,
    salt: fleet.salt,
    identity: fleet.identity,
    overrides: plan.overrides,
    cohorts: plan.cohorts.map((cohort) => {
      const { clientIdsFile, ...match } = cohort.match;
      return {
        ...cohort,
        match: { ...match, ...(clientIdsFile === undefined ? {} : { clientIdsFile: absolute(clientIdsFile) }) },
      };
    }),
    splits: plan.splits,
  };
}

function resolveNameserver(parsed: NameserverConfiguration, absolute: Absolute): NameserverConfiguration {
  const zones = parsed.zones.map(({ dnssec, ...zone }) => ({
    ...zone,
    file: absolute(zone.file),
    ...(dnssec === undefined ? {} : { dnssec: { keys: dnssec.keys.map(absolute) } }),
  }));
  return { ...parsed, zones };
}

function resolveFiles({ cert, key }: CertificateFiles, absolute: Absolute): CertificateFiles {
  return { cert: absolute(cert), key: absolute(key) };
}
