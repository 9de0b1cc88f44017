import { z } from 'zod';
import { invalidRequest } from './refusal.ts';

/** A provisioning template's document: what a certificate's thing and policies are to be. */
export interface ProvisioningDocument {
  readonly parameters: Readonly<Record<string, { readonly Default?: string | undefined }>>;
  readonly resources: readonly ProvisionedResource[];
}

/** A text, or `{"Ref": NAME}`, or `{"Fn::Join": [SEPARATOR, [VALUE, …]]}`. */
export type TemplateValue =
  | string
  | { readonly Ref: string }
  | { readonly 'Fn::Join': readonly [string, readonly TemplateValue[]] };

type Override = 'DO_NOTHING' | 'REPLACE' | 'FAIL' | 'MERGE';

export type ProvisionedResource =
  | {
      readonly kind: 'thing';
      readonly logicalName: string;
      readonly name: TemplateValue;
      readonly typeName: TemplateValue | undefined;
      readonly attributes: Readonly<Record<string, TemplateValue>>;
      readonly groups: readonly TemplateValue[];
      readonly overrides: { readonly attributes: Override; readonly typeName: Override; readonly groups: Override };
    }
  | {
      readonly kind: 'certificate';
      readonly logicalName: string;
      readonly id: TemplateValue | undefined;
      readonly status: string;
      readonly exclusive: boolean;
    }
  | {
      readonly kind: 'policy';
      readonly logicalName: string;
      readonly name: TemplateValue | undefined;
      readonly document: string | undefined;
    };

/** Throws InvalidRequestException. */
export function readTemplate(body: string): ProvisioningDocument {
  let document: unknown;
  try {
    document = JSON.parse(body);
  } catch {
    throw invalidRequest('The provisioning template is not JSON');
  }
  const parsed = templateSchema.safeParse(document);
  if (!parsed.success) throw invalidRequest(`The provisioning template is not valid: ${z.prettifyError(parsed.error)}`);
  const { Parameters: parameters = {}, Resources: resources } = parsed.data;
  const read = Object.entries(resources).map(([name, resource]) => readResource(name, resource));
  if (read.filter(({ kind }) => kind === 'certificate').length !== 1) {
    throw invalidRequest('The provisioning template needs exactly one AWS::IoT::Certificate');
  }
  if (read.filter(({ kind }) => kind === 'thing').length > 1) {
    throw invalidRequest('The provisioning template may have one AWS::IoT::Thing');
  }
  return { parameters, resources: read };
}

const valueSchema: z.ZodType<TemplateValue> = z.union([
  z.string(),
  z.strictObject({ Ref: z.string() }),
  z.strictObject({ 'Fn::Join': z.tuple([z.string(), z.array(z.lazy(() => valueSchema))]) }),
]);
const overrideSchema = z.enum(['DO_NOTHING', 'REPLACE', 'FAIL', 'MERGE']);
const thingSchema = z.strictObject({
  Type: z.literal('AWS::IoT::Thing'),
  Properties: z.strictObject({
    ThingName: valueSchema,
    ThingTypeName: valueSchema.optional(),
    AttributePayload: z.record(z.string(), valueSchema).optional(),
    ThingGroups: z.array(valueSchema).optional(),
    BillingGroup: valueSchema.optional(),
  }),
  OverrideSettings: z
    .strictObject({
      AttributePayload: overrideSchema.optional(),
      ThingTypeName: overrideSchema.exclude(['MERGE']).optional(),
      ThingGroups: overrideSchema.optional(),
    })
    .optional(),
});
const certificateSchema = z.strictObject({
  Type: z.literal('AWS::IoT::Certificate'),
  Properties: z.strictObject({
    CertificateId: valueSchema.optional(),
    Status: z.string().optional(),
    ThingPrincipalType: z.enum(['EXCLUSIVE_THING', 'NON_EXCLUSIVE_THING']).optional(),
  }),
  OverrideSettings: z.strictObject({ Status: overrideSchema.exclude(['MERGE']).optional() }).optional(),
});
const policySchema = z.strictObject({
  Type: z.literal('AWS::IoT::Policy'),
  Properties: z.strictObject({
    PolicyName: valueSchema.optional(),
    PolicyDocument: z.union([z.string(), z.record(z.string(), z.unknown())]).optional(),
  }),
});
const resourceSchema = z.discriminatedUnion('Type', [thingSchema, certificateSchema, policySchema]);
const templateSchema = z.strictObject({
  Parameters: z
    .record(z.string(), z.strictObject({ Type: z.literal('String'), Default: z.string().optional() }))
    .optional(),
  Resources: z.record(z.string(), resourceSchema),
  DeviceConfiguration: z.record(z.string(), z.unknown()).optional(),
});

function readResource(logicalName: string, resource: z.output<typeof resourceSchema>): ProvisionedResource {
  if (resource.Type === 'AWS::IoT::Thing') {
    const overrides = resource.OverrideSettings ?? {};
    return {
      ...{ kind: 'thing', logicalName, name: resource.Properties.ThingName },
      typeName: resource.Properties.ThingTypeName,
      attributes: resource.Properties.AttributePayload ?? {},
      groups: resource.Properties.ThingGroups ?? [],
      overrides: {
        attributes: overrides.AttributePayload ?? 'DO_NOTHING',
        typeName: overrides.ThingTypeName ?? 'DO_NOTHING',
        groups: overrides.ThingGroups ?? 'DO_NOTHING',
      },
    };
  }
  if (resource.Type === 'AWS::IoT::Certificate') {
    const { CertificateId: id, Status: status = 'ACTIVE', ThingPrincipalType } = resource.Properties;
    return { kind: 'certificate', logicalName, id, status, exclusive: ThingPrincipalType === 'EXCLUSIVE_THING' };
  }
  const { PolicyName: name, PolicyDocument: document } = resource.Properties;
  if ((name === undefined) === (document === undefined)) {
    throw invalidRequest(`Expected either PolicyName or PolicyDocument of ${logicalName}`);
  }
  const text = document === undefined || typeof document === 'string' ? document : JSON.stringify(document);
  return { kind: 'policy', logicalName, name, document: text };
}
