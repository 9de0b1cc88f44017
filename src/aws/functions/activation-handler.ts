import { systemClock } from '../../base/clock.ts';
import { CallRates } from '../call-rates.ts';
import { openIotClient } from '../iot-client.ts';
import { createSdkDeviceRegistry } from '../sdk-device-registry.ts';
import { type ActivationOutcome, createActivation } from './activation.ts';
import { certificateCheckFrom } from './check-from-settings.ts';
import { lambdaLog } from './function-log.ts';
import { FunctionSettings } from './function-settings.ts';

type Activation = (event: unknown) => Promise<ActivationOutcome>;

let activation: Promise<Activation> | undefined;

/** The entry that Lambda calls; its settings are environment variables (docs/aws-functions.md). */
export async function handler(event: unknown): Promise<ActivationOutcome> {
  activation ??= open();
  return (await activation)(event);
}

async function open(): Promise<Activation> {
  const settings = new FunctionSettings(process.env);
  const thingTypeName = settings.text('CROSSFADE_THING_TYPE');
  const policyName = settings.required('CROSSFADE_POLICY_NAME');
  const check = certificateCheckFrom(settings);
  // Lambda's own SDK; its region is the function's.
  const client = await openIotClient({});
  const rates = new CallRates({ clock: systemClock, tries: 2 });
  return createActivation(
    {
      terms: { policyName, ...(thingTypeName === undefined ? {} : { thingTypeName }) },
      caCertificateIds: settings.list('CROSSFADE_CA_CERTIFICATE_IDS'),
      clientIdPolicy: settings.clientIdPolicy(),
      requiresClientId: settings.choice('CROSSFADE_CLIENT_ID_REQUIRED', ['true', 'false'], 'false') === 'true',
    },
    { registry: createSdkDeviceRegistry(await import('@aws-sdk/client-iot'), client, rates), check, log: lambdaLog },
  );
}
