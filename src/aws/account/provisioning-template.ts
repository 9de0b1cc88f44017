export interface ProvisionedThing {
  readonly policyName: string;
  readonly thingTypeName?: string;
}

/** Characters that AWS IoT Core takes. */
export const longestTemplate = 10_240;

/**
 * A just-in-time provisioning template: the thing is named by the certificate's common name, which must be a legal thing
 * name, and the certificate becomes active. A template cannot see the client ID, nor make the attachment exclusive.
 */
export function provisioningTemplate({ policyName, thingTypeName }: ProvisionedThing): string {
  const commonName = 'AWS::IoT::Certificate::CommonName';
  const certificateId = 'AWS::IoT::Certificate::Id';
  return JSON.stringify({
    Parameters: { [commonName]: { Type: 'String' }, [certificateId]: { Type: 'String' } },
    Resources: {
      thing: {
        Type: 'AWS::IoT::Thing',
        Properties: {
          ThingName: { Ref: commonName },
          ...(thingTypeName !== undefined && { ThingTypeName: thingTypeName }),
        },
        // A thing that is there already keeps its attributes and groups.
        OverrideSettings: { AttributePayload: 'MERGE', ThingTypeName: 'REPLACE', ThingGroups: 'DO_NOTHING' },
      },
      certificate: {
        Type: 'AWS::IoT::Certificate',
        Properties: { CertificateId: { Ref: certificateId }, Status: 'ACTIVE' },
      },
      policy: { Type: 'AWS::IoT::Policy', Properties: { PolicyName: policyName } },
    },
  });
}

/** Why AWS would not take a template; undefined: nothing is known against it. */
export function provisioningTemplateFault(body: string): string | undefined {
  if (body.length > longestTemplate) {
    return `expected a provisioning template of at most ${longestTemplate} characters, got ${body.length}`;
  }
  try {
    const parsed: unknown = JSON.parse(body);
    const isTemplate = typeof parsed === 'object' && parsed !== null && 'Resources' in parsed;
    return isTemplate ? undefined : 'expected a provisioning template with Resources';
  } catch {
    return 'expected a provisioning template in JSON';
  }
}
