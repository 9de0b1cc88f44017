import type { Command } from 'commander';
import { Option } from 'commander';
import type { DeviceAccount } from '../aws/device-account.ts';
import type { RegistrarTerms } from '../aws/registrar.ts';
import { systemClock } from '../base/clock.ts';
import { requireAccount, toAwsCommandFailure } from './aws-access.ts';
import { countCohortRows, readCohortFile } from './cohort-file.ts';
import type { CommandContext } from './command-context.ts';
import { defineCommand } from './command-definition.ts';
import { CommandFailure, usageFailure } from './command-failure.ts';
import type { CertificateSource } from './device-certificate-source.ts';
import { exitCodes } from './exit-codes.ts';
import { createProgress } from './progress.ts';
import { renderPreview, renderRegistration } from './registration-rendering.ts';
import { RegistrationTally, renderDuration } from './registration-tally.ts';
import {
  addCohortOptions,
  type CohortOptions,
  type CohortTarget,
  openMint,
  resolveCohortTarget,
} from './registration-target.ts';
import { type Terminal, write, writeJson } from './terminal.ts';

interface RegisterOptions extends CohortOptions {
  readonly certificates?: 'minted' | 'own';
  readonly epoch: 'current' | 'next';
  readonly policy?: string;
  readonly thingType?: string;
  readonly withoutCa?: true;
  readonly progress?: string;
  readonly dryRun?: true;
}

/** Rows that are listed at most. */
const listed = 100;
/** Milliseconds between two reports of progress, on a terminal and elsewhere. */
const reportMs = { redrawn: 500, lines: 10_000 } as const;

export function addAwsRegisterCommand(aws: Command, context: CommandContext): void {
  const command = defineCommand(aws, {
    usage: 'register',
    summary: 'make devices known to AWS IoT Core ahead of their cutover',
    description:
      'Registers the certificate of each device of a CSV file, with thing, exclusive association and policy, so that its ' +
      'first connection is accepted. Where the gateway mints the certificates, these are the ones that it will present, ' +
      'byte for byte; --epoch next registers those of the next renewal. Columns: commonName, clientId, fingerprint, ' +
      'serial, username, device (what --as says), certificate (a path, or base64 of its DER) and attribute.NAME. A run ' +
      'that was ended goes on where it was: what is done stands in a file beside the CSV. Nothing is registered twice. ' +
      'Ends with 2 when devices were refused or rows rejected, with 1 when it could not go on.',
    examples: [
      ['aws register --from wave-1.csv --config crossfade.yaml --dry-run', 'what would be done, and how long it takes'],
      ['aws register --from wave-1.csv --config crossfade.yaml', 'the devices of the first wave'],
      ['aws register --from fleet.csv --config crossfade.yaml --epoch next', 'ahead of the next renewal'],
      ['aws register --from own.csv --certificates own --policy devices', "the devices' own certificates"],
    ],
  });
  addCohortOptions(command)
    .addOption(
      new Option('--certificates <which>', "what is registered (default: what the broker's identity says)").choices([
        'minted',
        'own',
      ]),
    )
    .addOption(
      new Option('--epoch <which>', 'minted certificates: those of now or of the next renewal')
        .choices(['current', 'next'])
        .default('current'),
    )
    .option('--policy <name>', "the policy that each certificate gets (default: the aws section's first)")
    .option('--thing-type <name>', "the type of new things (default: the aws section's)")
    .option(
      '--without-ca',
      'register without a registered CA, as for minted ones where the aws section has no gatewayCa',
    )
    .option('--progress <file>', 'what is done (default: the CSV file and .registered)')
    .option('--dry-run', 'make no call and write nothing')
    .action((options: RegisterOptions) => register(options, context));
}

interface Job {
  readonly target: CohortTarget;
  readonly terms: RegistrarTerms;
  readonly source: CertificateSource;
  readonly scope: string;
}

async function register(options: RegisterOptions, context: CommandContext): Promise<void> {
  const { terminal } = context;
  const target = await resolveCohortTarget(options, terminal.environment);
  const total = await countCohortRows(options.from);
  if (total === 0) throw usageFailure(`${options.from} has no rows below its first line`);
  const job = await prepare(options, target, terminal);
  if (options.dryRun) return preview(options, job, context);
  const document = await run(options, job, total, terminal);
  if (options.json) await writeJson(terminal, document);
  else await write(terminal.stdout, renderRegistration(document, terminal.style));
  if (document.stopped !== null) {
    throw new CommandFailure(
      exitCodes.failed,
      `stopped: ${document.stopped}`,
      'run it again when that is mended: it goes on where it was',
    );
  }
  if (document.refused + document.rejectedRows > 0) context.setExitCode(exitCodes.verdictNo);
}

async function prepare(options: RegisterOptions, target: CohortTarget, terminal: Terminal): Promise<Job> {
  const { mintedCertificates, ownCertificates } = await import('./device-certificate-source.ts');
  const isMinting = target.broker?.identity.mode === 'device-certificate';
  const minted =
    (options.certificates ?? (isMinting ? 'minted' : 'own')) === 'minted' ? await openMint(target) : undefined;
  const expiry = minted?.expiry(systemClock.wallMs());
  if (expiry !== undefined) await write(terminal.stderr, `warning: ${expiry}\n`);
  const { policyName, thingType } = await equipmentOf(options, target);
  const { aws } = target.configuration ?? {};
  const isWithoutCa = options.withoutCa === true || (minted !== undefined && aws !== undefined && !aws.gatewayCa);
  const authority = isWithoutCa ? 'none' : minted === undefined ? {} : { pem: minted.authority };
  return {
    target,
    terms: { policyName, authority, ...(thingType === undefined ? {} : { thingTypeName: thingType }) },
    source: minted === undefined ? ownCertificates : await mintedCertificates(minted, options.epoch),
    scope: JSON.stringify([target.place, policyName, thingType, isWithoutCa]),
  };
}

/** The options' words, else those of the configuration's aws section. */
async function equipmentOf({ policy, thingType }: RegisterOptions, { configuration }: CohortTarget) {
  const { deviceEquipmentOf } = await import('../config/aws-configuration.ts');
  const described = configuration?.aws && deviceEquipmentOf(configuration.aws);
  const policyName = policy ?? described?.policyName;
  if (policyName !== undefined) return { policyName, thingType: thingType ?? described?.thingTypeName };
  throw usageFailure('no policy is known for the devices', 'name it with --policy, or in an aws section of --config');
}

async function preview(options: RegisterOptions, job: Job, { terminal, setExitCode }: CommandContext): Promise<void> {
  const { previewCohort } = await import('./registration-preview.ts');
  const document = await previewCohort(readCohortFile(options.from, job.target.deviceKind), {
    ...{ source: job.source, scope: job.scope, terms: job.terms, place: job.target.place, listed },
    recordPath: recordPathOf(options),
    ratePerSecond: options.rate,
    nowMs: systemClock.wallMs(),
  });
  if (options.json) await writeJson(terminal, document);
  else await write(terminal.stdout, renderPreview(document, renderDuration(document.estimateSeconds), terminal.style));
  if (document.rejectedRows > 0) setExitCode(exitCodes.verdictNo);
}

async function run(options: RegisterOptions, job: Job, total: number, terminal: Terminal) {
  const { target, terms, source, scope } = job;
  const [{ openDeviceAccount }, { Registrar }, { registerCohort }, { RegistrationRecord }] = await Promise.all([
    import('../aws/device-account.ts'),
    import('../aws/registrar.ts'),
    import('./register-cohort.ts'),
    import('./registration-record.ts'),
  ]);
  const concurrency = Math.max(8, options.rate ?? 0);
  const record = await RegistrationRecord.open(recordPathOf(options));
  const account = await openDeviceAccount(target.account);
  const registrar = new Registrar(account.registry, { terms, pending: 2 * concurrency, concurrency });
  const now = () => systemClock.monotonicMs();
  const tally = new RegistrationTally(listed, now());
  const progress = createProgress(terminal);
  const everyMs = terminal.canRedraw ? reportMs.redrawn : reportMs.lines;
  let reportedMs = Number.NEGATIVE_INFINITY;
  const report = () => progress.update({ done: tally.rows, total, text: tally.text(total, now()) });
  const onProgress = () => {
    if (now() - reportedMs < everyMs) return;
    reportedMs = now();
    report();
  };
  try {
    await record.enter(await learnAccount(account, job));
    const stopped = await registerCohort(readCohortFile(options.from, target.deviceKind), {
      ...{ source, registrar, record, tally, scope, onProgress },
      concurrency: 2 * concurrency,
      clock: systemClock,
    });
    report();
    return tally.document(stopped, now());
  } finally {
    progress.end();
    await record.close();
    account.close();
  }
}

/** The account's ID, before anything is changed in it; a failure where it is not the configuration's, or has no such policy. */
async function learnAccount(account: DeviceAccount, { target, terms }: Job): Promise<string> {
  try {
    const found = await account.accountId(terms.policyName);
    requireAccount(found, target.configuration?.aws ?? {});
    return found ?? 'unknown';
  } catch (error) {
    throw await toAwsCommandFailure(error);
  }
}

function recordPathOf({ progress, from }: RegisterOptions): string {
  return progress ?? `${from}.registered`;
}
