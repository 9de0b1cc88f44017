import type * as Sdk from '@aws-sdk/client-iot';
import type { CallRates } from './call-rates.ts';
import type {
  CertificateRegistration,
  CertificateStatus,
  DeviceRegistry,
  RegisteredCertificate,
} from './device-registry.ts';
import { isIotFailure } from './iot-failure.ts';

/** The registry behind AWS's API. The SDK's module is an argument, so that nothing but its caller loads it. */
export function createSdkDeviceRegistry(sdk: typeof Sdk, client: Sdk.IoTClient, rates: CallRates): DeviceRegistry {
  return {
    registerCertificate: (registration) => registerCertificate(sdk, client, rates, registration),
    async describeCertificate(certificateId) {
      const command = new sdk.DescribeCertificateCommand({ certificateId });
      const described = await ifFound(rates.call('DescribeCertificate', () => client.send(command)));
      return described?.certificateDescription && toRegistered(described.certificateDescription);
    },
    async setCertificateStatus(certificateId, newStatus) {
      const command = new sdk.UpdateCertificateCommand({ certificateId, newStatus });
      await rates.call('UpdateCertificate', () => client.send(command));
    },
    async deleteCertificate(certificateId) {
      const command = new sdk.DeleteCertificateCommand({ certificateId });
      await ifFound(rates.call('DeleteCertificate', () => client.send(command)));
    },
    async createThing({ thingName, thingTypeName, attributes }) {
      const command = new sdk.CreateThingCommand({
        thingName,
        ...(thingTypeName === undefined ? {} : { thingTypeName }),
        ...(Object.keys(attributes).length === 0 ? {} : { attributePayload: { attributes } }),
      });
      await rates.call('CreateThing', () => client.send(command));
    },
    async attachThing(thingName, principal) {
      const command = new sdk.AttachThingPrincipalCommand({
        thingName,
        principal,
        thingPrincipalType: 'EXCLUSIVE_THING',
      });
      await rates.call('AttachThingPrincipal', () => client.send(command));
    },
    async detachThing(thingName, principal) {
      const command = new sdk.DetachThingPrincipalCommand({ thingName, principal });
      await ifFound(rates.call('DetachThingPrincipal', () => client.send(command)));
    },
    async listThings(principal) {
      const command = new sdk.ListPrincipalThingsV2Command({ principal });
      const { principalThingObjects = [] } = await rates.call('ListPrincipalThingsV2', () => client.send(command));
      return principalThingObjects.map(({ thingName = '', thingPrincipalType }) => ({
        thingName,
        isExclusive: thingPrincipalType === 'EXCLUSIVE_THING',
      }));
    },
    async attachPolicy(policyName, target) {
      const command = new sdk.AttachPolicyCommand({ policyName, target });
      await rates.call('AttachPolicy', () => client.send(command));
    },
    async detachPolicy(policyName, target) {
      const command = new sdk.DetachPolicyCommand({ policyName, target });
      await ifFound(rates.call('DetachPolicy', () => client.send(command)));
    },
    async listPolicies(target) {
      const command = new sdk.ListAttachedPoliciesCommand({ target });
      const { policies = [] } = await rates.call('ListAttachedPolicies', () => client.send(command));
      return policies.flatMap(({ policyName }) => (policyName === undefined ? [] : [policyName]));
    },
  };
}

async function registerCertificate(
  sdk: typeof Sdk,
  client: Sdk.IoTClient,
  rates: CallRates,
  { pem: certificatePem, authority }: CertificateRegistration,
): Promise<string> {
  if (authority === 'none') {
    const command = new sdk.RegisterCertificateWithoutCACommand({ certificatePem, status: 'ACTIVE' });
    const { certificateArn } = await rates.call('RegisterCertificateWithoutCA', () => client.send(command));
    return certificateArn ?? '';
  }
  const command = new sdk.RegisterCertificateCommand({
    certificatePem,
    status: 'ACTIVE',
    ...(authority.pem === undefined ? {} : { caCertificatePem: authority.pem }),
  });
  const { certificateArn } = await rates.call('RegisterCertificate', () => client.send(command));
  return certificateArn ?? '';
}

function toRegistered(described: Sdk.CertificateDescription): RegisteredCertificate {
  const { certificateId = '', certificateArn = '', status, certificatePem = '', caCertificateId } = described;
  return {
    certificateId,
    arn: certificateArn,
    status: (status ?? 'INACTIVE') as CertificateStatus,
    pem: certificatePem,
    ...(caCertificateId === undefined ? {} : { caCertificateId }),
  };
}

/** Undefined: there is none of that name. */
async function ifFound<Value>(call: Promise<Value>): Promise<Value | undefined> {
  try {
    return await call;
  } catch (error) {
    if (isIotFailure(error, 'not-found')) return undefined;
    throw error;
  }
}
