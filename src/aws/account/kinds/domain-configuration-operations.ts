import type { DescribeDomainConfigurationResponse } from '@aws-sdk/client-iot';
import type { DomainConfigurationResource } from '../resource.ts';
import { hasChanged, type KindOperations, told } from './kind-operations.ts';

export const domainConfigurationOperations: KindOperations<DomainConfigurationResource> = {
  async read(iot, { name }) {
    const found = await iot.describeDomainConfiguration({ domainConfigurationName: name });
    const { domainConfigurationArn: arn } = found;
    const properties = { ...toldAlways(found), ...toldByAws(found) };
    return { ...(arn !== undefined && { arn }), properties, remarks: remarksOn(found) };
  },

  async create(iot, { name, properties, validationCertificateArn }, tag) {
    const { domainConfigurationArn } = await iot.createDomainConfiguration({
      domainConfigurationName: name,
      domainName: properties.domainName,
      serverCertificateArns: [...properties.serverCertificateArns],
      serviceType: 'DATA',
      ...(validationCertificateArn !== undefined && { validationCertificateArn }),
      ...changeable(properties),
      tags: [tag],
    });
    return domainConfigurationArn;
  },

  async update(iot, { name, properties }, { changes }) {
    const { clientCertificateCallbackArn, serverCertificateConfig, authorizer } = properties;
    await iot.updateDomainConfiguration({
      domainConfigurationName: name,
      domainConfigurationStatus: properties.status,
      ...changeable(properties),
      ...(authorizer === null && hasChanged(changes, 'authorizer') && { removeAuthorizerConfig: true }),
      ...(clientCertificateCallbackArn === null &&
        hasChanged(changes, 'clientCertificateCallbackArn') && {
          clientCertificateConfig: { clientCertificateCallbackArn: '' },
        }),
      ...(serverCertificateConfig === null &&
        hasChanged(changes, 'serverCertificateConfig') && { serverCertificateConfig: { enableOCSPCheck: false } }),
    });
  },

  async remove(iot, { name }, { properties }) {
    if (properties['status'] !== 'DISABLED') {
      await iot.updateDomainConfiguration({ domainConfigurationName: name, domainConfigurationStatus: 'DISABLED' });
    }
    await iot.deleteDomainConfiguration({ domainConfigurationName: name });
  },
};

function changeable(properties: DomainConfigurationResource['properties']) {
  const { authorizer, clientCertificateCallbackArn, serverCertificateConfig } = properties;
  return {
    tlsConfig: { securityPolicy: properties.tlsPolicy },
    authenticationType: properties.authenticationType as 'AWS_X509',
    applicationProtocol: properties.applicationProtocol as 'SECURE_MQTT',
    ...(authorizer !== null && { authorizerConfig: authorizer }),
    ...(clientCertificateCallbackArn !== null && { clientCertificateConfig: { clientCertificateCallbackArn } }),
    ...(serverCertificateConfig !== null && { serverCertificateConfig }),
  };
}

function toldAlways(found: DescribeDomainConfigurationResponse): Readonly<Record<string, unknown>> {
  return told({
    domainName: found.domainName,
    serverCertificateArns: (found.serverCertificates ?? []).map(({ serverCertificateArn }) => serverCertificateArn),
    status: found.domainConfigurationStatus,
    authorizer: found.authorizerConfig ?? null,
  });
}

/**
 * Some that stand in for AWS tell none of these; there nothing is known about them. An answer with one of them tells
 * all: what is not in it is not set.
 */
function toldByAws(found: DescribeDomainConfigurationResponse): Readonly<Record<string, unknown>> {
  const { tlsConfig, authenticationType, applicationProtocol, clientCertificateConfig, serverCertificateConfig } =
    found;
  const members = [
    tlsConfig,
    authenticationType,
    applicationProtocol,
    clientCertificateConfig,
    serverCertificateConfig,
  ];
  if (members.every((member) => member === undefined)) return {};
  return told({
    tlsPolicy: tlsConfig?.securityPolicy,
    authenticationType: authenticationType ?? 'DEFAULT',
    applicationProtocol: applicationProtocol ?? 'DEFAULT',
    clientCertificateCallbackArn: clientCertificateConfig?.clientCertificateCallbackArn ?? null,
    serverCertificateConfig: serverCertificateConfig ?? null,
  });
}

/** AWS looks at the server certificate on its own, and takes up to an hour until it shows it. */
function remarksOn({ serverCertificates = [] }: DescribeDomainConfigurationResponse): readonly string[] {
  return serverCertificates.flatMap(({ serverCertificateStatus: status, serverCertificateStatusDetail: detail }) =>
    status === undefined ? [] : [`server certificate ${status}${detail === undefined ? '' : `: ${detail}`}`],
  );
}
