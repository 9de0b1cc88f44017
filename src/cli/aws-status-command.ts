import { type Command, InvalidArgumentError } from 'commander';
import type { AccountObservation } from '../aws/account/account-observation.ts';
import { planAccount } from '../aws/account/account-plan.ts';
import { type FleetSize, fleetNeeds } from '../aws/account/fleet-needs.ts';
import { type AwsAccess, type AwsOptions, addAwsOptions, observe, withAws } from './aws-access.ts';
import { renderAccountStatus, toStatusDocument } from './aws-status-rendering.ts';
import type { CommandContext } from './command-context.ts';
import { defineCommand } from './command-definition.ts';
import { write, writeJson } from './terminal.ts';

interface AwsStatusOptions extends AwsOptions {
  readonly devices?: number;
  readonly json?: true;
}

export function addAwsStatusCommand(aws: Command, { terminal }: CommandContext): void {
  const command = defineCommand(aws, {
    usage: 'status',
    summary: 'what is there, and what the fleet will need',
    description:
      'Shows each resource of the configuration as the account has it, and the quotas that the fleet meets beside what it ' +
      "will need. The control plane does not tell an account's quotas: aws.quotas of the configuration does, else AWS's " +
      'defaults stand in, which are not verified. Changes nothing.',
    examples: [['aws status --config crossfade.yaml --devices 250000', 'for a first cohort of that size']],
  });
  addAwsOptions(command)
    .option('--devices <n>', 'size of the fleet, in place of aws.size.devices', parseDevices)
    .option('--json', 'one JSON document: { account, resources, quotas, connectionMinutesPerMonth }')
    .action((options: AwsStatusOptions) =>
      withAws(options, terminal, async (access) => {
        const observation = await observe(access, terminal);
        const status = await readStatus(access, observation, options);
        if (options.json) await writeJson(terminal, toStatusDocument(status));
        else await write(terminal.stdout, renderAccountStatus(status, terminal.style));
      }),
    );
}

async function readStatus(access: AwsAccess, observation: AccountObservation, { devices }: AwsStatusOptions) {
  const { aws, iot, resources, terms, place } = access;
  const size: FleetSize = { ...aws.size, ...(devices !== undefined && { devices }) };
  const wantsCode = resources.some(
    (resource) => resource.kind === 'ca-certificate' && resource.properties.certificateMode === 'DEFAULT',
  );
  const { registrationCode } = wantsCode ? await iot.getRegistrationCode({}) : {};
  return {
    ...observation,
    place,
    ...(registrationCode !== undefined && { registrationCode }),
    steps: planAccount(resources, observation.readings, terms),
    size,
    needs: fleetNeeds(size, aws.quotas),
  };
}

function parseDevices(text: string): number {
  const devices = Number(text.replaceAll('_', ''));
  if (Number.isSafeInteger(devices) && devices >= 0) return devices;
  throw new InvalidArgumentError('Expected a number of devices.');
}
