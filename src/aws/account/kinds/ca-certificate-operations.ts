import { createHash, createPrivateKey } from 'node:crypto';
import type { DescribeCACertificateResponse } from '@aws-sdk/client-iot';
import { loadCertificateIssuer, mintCertificate } from '../../../tls/certificate-minting.ts';
import { isIotFailure } from '../../iot-failure.ts';
import type { ControlPlane } from '../../control-plane.ts';
import type { CaCertificateResource } from '../resource.ts';
import { hasChanged, type KindOperations, told } from './kind-operations.ts';

export const caCertificateOperations: KindOperations<CaCertificateResource> = {
  async read(iot, resource) {
    const { certificateDescription: found = {}, registrationConfig } = await describe(iot, resource);
    return {
      ...(found.certificateArn !== undefined && { arn: found.certificateArn }),
      ...(found.certificateId !== undefined && { knownAs: found.certificateId }),
      ...(found.validity?.notAfter && { remarks: [`valid until ${found.validity.notAfter.toISOString()}`] }),
      properties: told({
        status: found.status,
        certificateMode: found.certificateMode,
        autoRegistrationStatus: found.autoRegistrationStatus,
        registrationConfig: writtenRegistration(registrationConfig),
      }),
    };
  },

  async create(iot, resource, tag) {
    const { certificate, properties } = resource;
    const { autoRegistrationStatus, certificateMode, status } = properties;
    const verificationCertificate = await proofOf(iot, resource);
    const { certificateArn } = await iot.registerCACertificate({
      caCertificate: certificate,
      certificateMode,
      ...(verificationCertificate !== undefined && { verificationCertificate }),
      setAsActive: status === 'ACTIVE',
      allowAutoRegistration: autoRegistrationStatus === 'ENABLE',
      ...(properties.registrationConfig !== null && { registrationConfig: configOf(properties.registrationConfig) }),
      tags: [tag],
    });
    return certificateArn;
  },

  async update(iot, { name, properties }, { actual, changes }) {
    const certificateId = actual.knownAs ?? name;
    const { registrationConfig, status, autoRegistrationStatus } = properties;
    const isRemoved = hasChanged(changes, 'registrationConfig') && registrationConfig === null;
    if (isRemoved) await iot.updateCACertificate({ certificateId, removeAutoRegistration: true });
    await iot.updateCACertificate({
      certificateId,
      newStatus: status,
      newAutoRegistrationStatus: autoRegistrationStatus,
      ...(registrationConfig !== null && { registrationConfig: configOf(registrationConfig) }),
    });
  },

  async remove(iot, { name }, { properties, knownAs: certificateId = name }) {
    const isActive = properties['status'] === 'ACTIVE';
    if (isActive) {
      await iot.updateCACertificate({
        certificateId,
        newStatus: 'INACTIVE',
        newAutoRegistrationStatus: 'DISABLE',
      });
    }
    await iot.deleteCACertificate({ certificateId });
  },
};

/**
 * AWS knows a certificate by the hash of its DER; some that stand in for AWS know it by the hash of the PEM text that
 * was sent.
 */
async function describe(
  iot: ControlPlane,
  { name, certificate }: CaCertificateResource,
): Promise<DescribeCACertificateResponse> {
  try {
    return await iot.describeCACertificate({ certificateId: name });
  } catch (error) {
    if (!isIotFailure(error, 'not-found')) throw error;
    return iot.describeCACertificate({ certificateId: createHash('sha256').update(certificate).digest('hex') });
  }
}

/** The verification certificate: signed by the CA, it names the account's registration code. */
async function proofOf(iot: ControlPlane, { certificate, proof }: CaCertificateResource): Promise<string | undefined> {
  if (proof === undefined) return undefined;
  if ('verificationCertificate' in proof) return proof.verificationCertificate;
  const { registrationCode = '' } = await iot.getRegistrationCode({});
  const issuer = loadCertificateIssuer(certificate, createPrivateKey(proof.key));
  return mintCertificate({ subject: { commonName: registrationCode }, issuer }).certificate;
}

type RegistrationConfig = NonNullable<CaCertificateResource['properties']['registrationConfig']>;

function configOf({ roleArn, template }: RegistrationConfig) {
  return { roleArn, templateBody: JSON.stringify(template) };
}

function writtenRegistration(config: DescribeCACertificateResponse['registrationConfig']): unknown {
  const { roleArn, templateBody, templateName } = config ?? {};
  if (roleArn === undefined && templateBody === undefined && templateName === undefined) return null;
  return { roleArn, template: parsedTemplate(templateBody), ...(templateName !== undefined && { templateName }) };
}

function parsedTemplate(body: string | undefined): unknown {
  try {
    return body === undefined ? undefined : JSON.parse(body);
  } catch {
    return body;
  }
}
