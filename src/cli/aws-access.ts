import type { Command } from 'commander';
import type { AccountObservation } from '../aws/account/account-observation.ts';
import type { PlanTerms } from '../aws/account/account-plan.ts';
import type { Resource } from '../aws/account/resource.ts';
import type { ControlPlane } from '../aws/control-plane.ts';
import type { AwsConfiguration } from '../config/aws-configuration.ts';
import type { Configuration } from '../config/configuration.ts';
import { CommandFailure, usageFailure } from './command-failure.ts';
import { loadConfigurationFile } from './configuration-file.ts';
import { exitCodes } from './exit-codes.ts';
import { createProgress } from './progress.ts';
import type { Terminal } from './terminal.ts';

export interface AwsOptions {
  readonly config: string;
  readonly endpoint?: string;
  readonly adopt?: true;
}

/** The options of every command that talks to AWS's control plane. */
export function addAwsOptions(command: Command): Command {
  return command
    .requiredOption('--config <file>', 'the configuration, with an aws section')
    .option('--endpoint <url>', "control plane to use in place of AWS's, for example an emulator's");
}

/** An account that a configuration describes, opened. */
export interface AwsAccess {
  readonly configuration: Configuration;
  readonly aws: AwsConfiguration;
  readonly iot: ControlPlane;
  readonly resources: readonly Resource[];
  readonly terms: PlanTerms;
  /** Where calls go, for people. */
  readonly place: string;
}

/** Runs `work` with the account; what AWS refuses ends the command with 1 and with what to do. */
export async function withAws<Value>(
  options: AwsOptions,
  terminal: Terminal,
  work: (access: AwsAccess) => Promise<Value>,
): Promise<Value> {
  const access = await openAws(options, terminal);
  try {
    return await work(access);
  } catch (error) {
    throw await toAwsCommandFailure(error);
  } finally {
    access.iot.destroy();
  }
}

/** Reads the account with progress on stderr; a wrong account ends the command before anything is changed. */
export async function observe({ iot, resources, aws }: AwsAccess, terminal: Terminal): Promise<AccountObservation> {
  const { observeAccount } = await import('../aws/account/account-observation.ts');
  // Elsewhere than on a terminal a few seconds of reading are not worth a line each.
  const progress = terminal.canRedraw ? createProgress(terminal) : undefined;
  const total = resources.length;
  try {
    const observation = await observeAccount(iot, resources, (done, { kind }) =>
      progress?.update({ done, total, text: `reading the account: ${kind}` }),
    );
    requireAccount(observation.account, aws);
    return observation;
  } finally {
    progress?.end();
  }
}

/** Where the account cannot be told, nothing is known against it. */
export function requireAccount(account: string | undefined, aws: Pick<AwsConfiguration, 'account'>): void {
  if (aws.account === undefined || account === undefined || aws.account === account) return;
  throw new CommandFailure(
    exitCodes.failed,
    `these credentials are for account ${account}, and aws.account is ${aws.account}: nothing was changed`,
    'choose other credentials (AWS_PROFILE), or mend aws.account',
  );
}

async function openAws(
  { config, endpoint: given, adopt }: AwsOptions,
  { environment }: { environment: Terminal['environment'] },
) {
  const { configuration } = await loadConfigurationFile(config);
  const { aws } = configuration;
  if (aws === undefined) {
    throw usageFailure(
      `${config}: the configuration has no aws section`,
      'docs/aws.md shows one, config/aws.yaml is one',
    );
  }
  const endpoint = given === undefined ? aws.endpoint : parseEndpoint(given);
  const [{ readAwsDescription }, { createSystemSource }, { desiredResources }, { openControlPlane }] =
    await Promise.all([
      import('../config/aws-description.ts'),
      import('../config/configuration-source.ts'),
      import('../aws/account/desired-resources.ts'),
      import('../aws/control-plane.ts'),
    ]);
  const description = readAwsDescription(configuration, aws, createSystemSource());
  if (!description.ok) throw usageFailure(description.error.join('\n'));
  const iot = await openControlPlane({ region: aws.region, environment, ...(endpoint !== undefined && { endpoint }) });
  const { fleet, prefix } = description.value;
  return {
    configuration,
    aws,
    iot,
    resources: desiredResources(description.value),
    terms: { fleet, prefix, adopt: adopt === true },
    place: endpoint ?? aws.region,
  };
}

export function parseEndpoint(text: string): string {
  const url = URL.parse(text);
  if (url !== null && /^https?:$/.test(url.protocol)) return text;
  throw usageFailure(`expected --endpoint as a URL, got ${JSON.stringify(text)}`, 'for example http://127.0.0.1:5000');
}

/** What an IotFailure ends a command with: 1, and what to do. Other errors are themselves. */
export async function toAwsCommandFailure(error: unknown): Promise<unknown> {
  const [{ IotFailure }, { adviceOn }] = await Promise.all([
    import('../aws/iot-failure.ts'),
    import('../aws/failure-advice.ts'),
  ]);
  if (!(error instanceof IotFailure)) return error;
  return new CommandFailure(exitCodes.failed, error.message, adviceOn(error));
}
