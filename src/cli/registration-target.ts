import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import type { DeviceAccountOptions } from '../aws/device-account.ts';
import type { MintedDevices, MintedDeviceTerms } from '../aws/minted-devices.ts';
import { errorMessage } from '../base/errors.ts';
import type { BrokerConfiguration, CertificateFiles, Configuration } from '../config/configuration.ts';
import type { DeviceKeyKind } from '../plan/device-key.ts';
import { parseEndpoint } from './aws-access.ts';
import { CommandFailure, usageFailure } from './command-failure.ts';
import { loadConfigurationFile } from './configuration-file.ts';
import { deviceKeyKinds } from './device-question.ts';
import { parseCountOption } from './weight-option.ts';

/** Options of the commands that work on the devices of a CSV file in an account. */
export interface CohortOptions {
  readonly from: string;
  readonly as?: DeviceKeyKind;
  readonly config?: string;
  readonly broker?: string;
  readonly endpoint?: string;
  readonly region?: string;
  readonly rate?: number;
  readonly json?: true;
}

export function addCohortOptions(command: Command): Command {
  return command
    .requiredOption('--from <file>', 'CSV file, its first line names the columns')
    .addOption(
      new Option('--as <kind>', 'what the column "device" holds (default: the first of fleet.identity)').choices([
        ...deviceKeyKinds,
      ]),
    )
    .option('--config <file>', 'the configuration of the gateway')
    .option('--broker <name>', 'the broker that the devices go to (default: the one with minted certificates)')
    .option('--endpoint <url>', "control plane in place of AWS's own, an emulator's for one")
    .option('--region <region>', "region of the account (default: the configuration's)")
    .addOption(
      new Option('--rate <n>', "devices a second (default: 80 % of the account's quotas)").argParser(parseRateOption),
    )
    .option('--json', 'the outcome as one JSON document');
}

/** Where the account is. */
export interface CohortTarget {
  readonly configuration?: Configuration;
  readonly broker?: BrokerConfiguration;
  readonly account: DeviceAccountOptions;
  /** For people, and to tell one account from another. */
  readonly place: string;
  readonly deviceKind: DeviceKeyKind;
}

export async function resolveCohortTarget(
  options: CohortOptions,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<CohortTarget> {
  const loaded = options.config === undefined ? undefined : await loadConfigurationFile(options.config);
  const configuration = loaded?.configuration;
  if (options.broker !== undefined && configuration === undefined) {
    throw usageFailure('--broker names a broker of a configuration', 'give --config as well');
  }
  const broker = configuration === undefined ? undefined : chooseBroker(configuration, options.broker);
  const { deviceCallRates } = await import('../aws/device-account.ts');
  const aws = configuration?.aws;
  const endpoint = options.endpoint === undefined ? aws?.endpoint : parseEndpoint(options.endpoint);
  const region = options.region ?? aws?.region ?? regionOf(broker);
  return {
    ...(configuration === undefined ? {} : { configuration }),
    ...(broker === undefined ? {} : { broker }),
    account: {
      environment,
      ...(region === undefined ? {} : { region }),
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(options.rate === undefined ? {} : { rates: deviceCallRates(options.rate) }),
    },
    place: endpoint ?? region ?? 'the region of the environment',
    deviceKind: options.as ?? (await firstKind(configuration)),
  };
}

/** The mint of the gateways; a usage failure where there is none, or its CA is not good. */
export async function openMint(target: CohortTarget): Promise<MintedDevices> {
  const { MintedDevices: Minted } = await import('../aws/minted-devices.ts');
  try {
    return new Minted(await readMintedTerms(target));
  } catch (error) {
    if (error instanceof CommandFailure) throw error;
    throw usageFailure(`broker ${target.broker?.name}: ${errorMessage(error)}`);
  }
}

/** The terms of a broker whose device certificates the gateway mints; a usage failure where it does not. */
async function readMintedTerms({ configuration, broker }: CohortTarget): Promise<MintedDeviceTerms> {
  const { ca, certificates } = broker?.identity ?? {};
  if (configuration === undefined || ca === undefined || certificates === undefined) {
    throw usageFailure(
      broker === undefined
        ? 'minted certificates need the configuration that says how they are minted'
        : `the certificates of ${broker.name} are not minted: its identity.mode is ${broker.identity.mode}`,
      'give --config and --broker, or --certificates own',
    );
  }
  return { ca: await readPair(ca), ...certificates, identity: configuration.fleet.identity };
}

/** The named one, else the only one with minted certificates, else the only AWS IoT Core. */
function chooseBroker({ brokers }: Configuration, name: string | undefined): BrokerConfiguration | undefined {
  if (name !== undefined) {
    const named = brokers[name];
    if (named !== undefined) return named;
    throw usageFailure(`there is no broker ${name}: expected ${Object.keys(brokers).join(', ')}`);
  }
  const all = Object.values(brokers);
  const minting = all.filter(({ identity }) => identity.mode === 'device-certificate');
  const candidates = minting.length > 0 ? minting : all.filter(({ profile }) => profile === 'aws-iot-core');
  if (candidates.length <= 1) return candidates[0];
  throw usageFailure(
    `several brokers may be meant: ${candidates.map((each) => each.name).join(', ')}`,
    'name one with --broker',
  );
}

async function firstKind(configuration: Configuration | undefined): Promise<DeviceKeyKind> {
  const { kindByIdentityName } = await import('../plan/device-key.ts');
  const [first] = configuration?.fleet.identity ?? [];
  return first === undefined ? 'cn' : kindByIdentityName[first];
}

async function readPair({ cert, key }: CertificateFiles): Promise<{ cert: string; key: string }> {
  const [{ createSystemSource, readText }, { fileBounds }] = await Promise.all([
    import('../config/configuration-source.ts'),
    import('../config/file-bounds.ts'),
  ]);
  const source = createSystemSource();
  const [certText, keyText] = [cert, key].map((path) => {
    const text = readText(source, path, fileBounds.pemBytes);
    if (text.ok) return text.value;
    throw usageFailure(`cannot read ${path}: ${text.error}`);
  });
  return { cert: certText ?? '', key: keyText ?? '' };
}

/** `….iot.eu-west-1.amazonaws.com` names its region. */
function regionOf(broker: BrokerConfiguration | undefined): string | undefined {
  const host = broker?.endpoints[0]?.host ?? '';
  return /\.iot\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?$/.exec(host)?.[1];
}

function parseRateOption(text: string): number {
  const rate = parseCountOption(text.replace(/\/s$/, ''));
  if (rate > 10_000) throw new InvalidArgumentError('Expected at most 10000 a second.');
  return rate;
}
