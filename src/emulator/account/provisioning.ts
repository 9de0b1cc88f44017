import { listNameAttributes } from '../../tls/distinguished-name.ts';
import type { Account, CertificateRecord } from './account.ts';
import type { CertificateFacts } from './certificate-facts.ts';
import { certificateWithArn, changeStatus } from './device-certificates.ts';
import type { Operations } from './operation.ts';
import { policyOperations } from './policies.ts';
import { attachPolicy } from './policy-attachments.ts';
import {
  type ProvisionedResource,
  type ProvisioningDocument,
  readTemplate,
  type TemplateValue,
} from './provisioning-template.ts';
import { IotRefusal, invalidRequest } from './refusal.ts';
import { addToGroup } from './thing-groups.ts';
import { attachThing } from './thing-principals.ts';
import { attributeOf, changedAttributes, createThing, expectAttributes, expectThingType } from './things.ts';

export const provisioningOperations = {
  RegisterThing({ templateBody, parameters = {} }, { account, wallMs }) {
    const document = readTemplate(templateBody);
    const certificate = document.resources.find(({ kind }) => kind === 'certificate');
    const id = certificate?.kind === 'certificate' && certificate.id !== undefined ? certificate.id : undefined;
    if (id === undefined) throw invalidRequest('Expected a CertificateId in the template');
    const values = withDefaults(document, parameters);
    const record = account.certificates.get(resolved(id, values));
    const arns = provision(account, { document, values, record }, wallMs);
    return { certificatePem: record.certificate.pem, resourceArns: arns };
  },
} satisfies Operations;

/** The parameters that a certificate gives to a template of just-in-time provisioning. */
export function certificateParameters({ id, structure }: CertificateFacts): Record<string, string> {
  const found = listNameAttributes(structure.subject).flatMap(({ type, value }) => {
    const name = parameterNames[type];
    return name === undefined ? [] : [[`AWS::IoT::Certificate::${name}`, value] as const];
  });
  // The first value of an attribute counts.
  return { ...Object.fromEntries(found.reverse()), 'AWS::IoT::Certificate::Id': id };
}

export interface Provisioning {
  readonly document: ProvisioningDocument;
  readonly values: Readonly<Record<string, string>>;
  readonly record: CertificateRecord;
}

/**
 * Makes a certificate's thing, attaches it and its policies, and sets its status; the ARNs by logical name. Throws
 * ResourceRegistrationFailureException or what an operation throws; what was made until then stays.
 */
export function provision(account: Account, { document, values, record }: Provisioning, wallMs: number) {
  const arns: Record<string, string> = {};
  const thing = document.resources.find((resource) => resource.kind === 'thing');
  const certificate = document.resources.find((resource) => resource.kind === 'certificate');
  for (const resource of document.resources) {
    if (resource.kind !== 'policy') continue;
    const name = provisionPolicy(account, resource, values, wallMs);
    attachPolicy(account, name, record.arn);
    arns[resource.logicalName] = account.policies.get(name).arn;
  }
  if (thing?.kind === 'thing') {
    const name = provisionThing(account, thing, values);
    const isExclusive = certificate?.kind === 'certificate' && certificate.exclusive;
    attachThing(account, name, record.arn, isExclusive ? 'EXCLUSIVE_THING' : 'NON_EXCLUSIVE_THING');
    arns[thing.logicalName] = account.things.get(name).arn;
  }
  if (certificate?.kind === 'certificate') {
    const isActive = certificate.status.toUpperCase() === 'ACTIVE';
    changeStatus(account, certificateWithArn(account, record.arn), isActive ? 'ACTIVE' : 'INACTIVE', wallMs);
    arns[certificate.logicalName] = record.arn;
  }
  return arns;
}

/** A template's values: what is given, and its own defaults. */
export function withDefaults(
  { parameters }: ProvisioningDocument,
  given: Readonly<Record<string, string>>,
): Record<string, string> {
  const values: Record<string, string> = { ...given };
  for (const [name, { Default }] of Object.entries(parameters)) {
    const value = Object.hasOwn(given, name) ? given[name] : Default;
    if (value === undefined) throw failed(`The parameter ${name} has no value`);
    values[name] = value;
  }
  return values;
}

const parameterNames: Readonly<Record<string, string>> = {
  '550406': 'Country',
  '55040a': 'Organization',
  '55040b': 'OrganizationalUnit',
  '55042e': 'DistinguishedNameQualifier',
  '550408': 'StateName',
  '550403': 'CommonName',
  '550405': 'SerialNumber',
};

function resolved(value: TemplateValue, values: Readonly<Record<string, string>>): string {
  if (typeof value === 'string') return value;
  if ('Fn::Join' in value) {
    const [separator, parts] = value['Fn::Join'];
    return parts.map((part) => resolved(part, values)).join(separator);
  }
  const found = Object.hasOwn(values, value.Ref) ? values[value.Ref] : undefined;
  if (found === undefined) throw failed(`The parameter ${value.Ref} has no value`);
  return found;
}

type PolicyResource = Extract<ProvisionedResource, { kind: 'policy' }>;
type ThingResource = Extract<ProvisionedResource, { kind: 'thing' }>;

/** A document without a name makes a policy that is named by what it says, once. */
function provisionPolicy(
  account: Account,
  { name, document }: PolicyResource,
  values: Readonly<Record<string, string>>,
  wallMs: number,
): string {
  if (name !== undefined) return account.policies.get(resolved(name, values)).name;
  const text = document ?? '';
  const known = account.policies.all().find(({ versions }) => versions.length === 1 && versions[0]?.text === text);
  if (known !== undefined) return known.name;
  const policyName = `Policy_${account.identifiers.hexadecimal(16)}`;
  policyOperations.CreatePolicy({ policyName, policyDocument: text }, { account, wallMs });
  return policyName;
}

function provisionThing(account: Account, resource: ThingResource, values: Readonly<Record<string, string>>): string {
  const name = resolved(resource.name, values);
  const typeName = resource.typeName === undefined ? undefined : resolved(resource.typeName, values);
  const attributes = Object.fromEntries(
    Object.entries(resource.attributes).map(([key, value]) => [key, resolved(value, values)]),
  );
  const groups = resource.groups.map((group) => resolved(group, values));
  if (account.things.find(name) === undefined) {
    createThing(account, name, { typeName, attributePayload: { attributes } });
    for (const group of groups) addToGroup(account, account.thingGroups.get(group).name, name);
  } else {
    overrideThing(account, name, { typeName, attributes }, resource.overrides);
    overrideGroups(account, name, groups, resource.overrides.groups);
  }
  return name;
}

function overrideGroups(
  account: Account,
  name: string,
  wanted: readonly string[],
  override: ThingResource['overrides']['groups'],
): void {
  const present = account.groupMembers.leftsOf(name);
  const differs = wanted.length !== present.length || wanted.some((group) => !present.includes(group));
  if (!differs || override === 'DO_NOTHING') return;
  if (override === 'FAIL') throw failed(`The thing ${name} is in other groups`);
  if (override === 'REPLACE') for (const group of present) account.groupMembers.detach(group, name);
  for (const group of wanted) addToGroup(account, account.thingGroups.get(group).name, name);
}

/** What becomes of a thing that is there already, member by member. */
function overrideThing(
  account: Account,
  name: string,
  wanted: { readonly typeName: string | undefined; readonly attributes: Readonly<Record<string, string>> },
  overrides: ThingResource['overrides'],
): void {
  const thing = account.things.get(name);
  const differs = { typeName: wanted.typeName !== undefined && wanted.typeName !== thing.typeName };
  if (differs.typeName && overrides.typeName === 'FAIL') throw failed(`The thing ${name} has another type`);
  const changed = Object.entries(wanted.attributes).some(([key, value]) => attributeOf(thing, key) !== value);
  if (changed && overrides.attributes === 'FAIL') throw failed(`The thing ${name} has other attributes`);
  const typeName = differs.typeName && overrides.typeName === 'REPLACE' ? wanted.typeName : thing.typeName;
  const isKept = overrides.attributes === 'DO_NOTHING' || overrides.attributes === 'FAIL';
  const payload = { attributes: { ...wanted.attributes }, merge: overrides.attributes === 'MERGE' };
  const attributes = isKept ? thing.attributes : changedAttributes(thing, payload);
  if (typeName !== undefined) expectThingType(account, typeName);
  expectAttributes(account, attributes, typeName);
  account.things.replace(name, { ...thing, typeName, attributes, version: thing.version + 1 });
}

function failed(message: string): IotRefusal {
  return new IotRefusal('ResourceRegistrationFailureException', message);
}
