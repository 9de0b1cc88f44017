import { CallRates } from '../aws/call-rates.ts';
import { createActivation } from '../aws/functions/activation.ts';
import { CertificateCheck } from '../aws/functions/certificate-check.ts';
import { openIotClient } from '../aws/iot-client.ts';
import { createSdkDeviceRegistry } from '../aws/sdk-device-registry.ts';
import { systemClock } from '../base/clock.ts';
import { loadTrustedAuthorities } from '../tls/trusted-authorities.ts';

/** What the account's rule calls when a certificate was registered just in time. */
export const activationFunction = 'arn:aws:lambda:eu-central-1:123456789012:function:crossfade-activation';
/** The policy that it gives every device. */
export const devicePolicy = 'crossfade-device';

/** The activation that runs in AWS Lambda, in this process instead: it calls the control plane at `open`'s URL. */
export function createDemoActivation() {
  const opened = Promise.withResolvers<ReturnType<typeof createActivation>>();
  return {
    handler: async (event: unknown) => (await opened.promise)(event),
    open: (endpoint: string) => opened.resolve(openActivation(endpoint)),
  };
}

async function openActivation(endpoint: string) {
  const client = await openIotClient({ endpoint, region: 'eu-central-1', isEmulated: true });
  const rates = new CallRates({ clock: systemClock });
  const registry = createSdkDeviceRegistry(await import('@aws-sdk/client-iot'), client, rates);
  const trusted = loadTrustedAuthorities('', []);
  return createActivation(
    {
      terms: { policyName: devicePolicy },
      caCertificateIds: [],
      clientIdPolicy: 'equals-common-name',
      requiresClientId: false,
    },
    {
      registry,
      check: new CertificateCheck({ trusted, tolerate: [], unknownStatus: 'allow' }, { clock: systemClock }),
      log: () => {},
    },
  );
}
