import { applyAccount } from '../aws/account/account-apply.ts';
import { observeAccount } from '../aws/account/account-observation.ts';
import { planAccount } from '../aws/account/account-plan.ts';
import { desiredResources } from '../aws/account/desired-resources.ts';
import { openControlPlane } from '../aws/control-plane.ts';
import { CrossfadeError } from '../base/errors.ts';
import { readAwsDescription } from '../config/aws-description.ts';
import type { Configuration } from '../config/configuration.ts';
import { createSystemSource } from '../config/configuration-source.ts';

/** Brings the account to what the configuration describes, as `crossfade aws apply` does it. Rejects with CrossfadeError. */
export async function setUpTargetAccount(configuration: Configuration): Promise<void> {
  const { aws } = configuration;
  if (aws === undefined) throw new CrossfadeError('demo', 'the configuration has no aws section');
  const description = readAwsDescription(configuration, aws, createSystemSource());
  if (!description.ok) throw new CrossfadeError('demo', description.error.join('\n'));
  const { region, endpoint } = aws;
  const iot = await openControlPlane({ region, environment: {}, ...(endpoint !== undefined && { endpoint }) });
  try {
    const { fleet, prefix } = description.value;
    const resources = desiredResources(description.value);
    const { readings, account } = await observeAccount(iot, resources, () => {});
    const terms = { fleet, prefix, adopt: false };
    const steps = planAccount(resources, readings, terms);
    const sleep = () => Promise.resolve();
    const report = await applyAccount(steps, { iot, terms, account, sleep, random: () => 0, onStep: () => {} });
    if (report.failed !== undefined) throw report.failed.error;
  } finally {
    iot.destroy();
  }
}
