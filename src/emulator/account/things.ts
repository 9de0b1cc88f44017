import type { AttributePayload } from '@aws-sdk/client-iot';
import type { Account, ThingRecord } from './account.ts';
import { arnOf } from './identity.ts';
import { expectName } from './names.ts';
import type { Operations } from './operation.ts';
import { pageOf } from './page.ts';
import { IotRefusal, invalidRequest } from './refusal.ts';
import { expectVersion } from './thing-groups.ts';

export const thingOperations = {
  CreateThing({ thingName, thingTypeName, attributePayload, billingGroupName }, { account }) {
    return answer(createThing(account, thingName, { typeName: thingTypeName, attributePayload, billingGroupName }));
  },

  DescribeThing({ thingName }, { account }) {
    const { id, arn, typeName, attributes, billingGroupName, version } = account.things.get(thingName);
    return {
      ...{ defaultClientId: thingName, thingName, thingId: id, thingArn: arn, attributes: { ...attributes }, version },
      ...(typeName === undefined ? {} : { thingTypeName: typeName }),
      ...(billingGroupName === undefined ? {} : { billingGroupName }),
    };
  },

  UpdateThing(input, { account }) {
    const { thingName, thingTypeName, attributePayload, expectedVersion, removeThingType = false } = input;
    const record = account.things.get(thingName);
    expectVersion(record.version, expectedVersion);
    if (removeThingType && thingTypeName !== undefined) {
      throw invalidRequest('Expected either thingTypeName or removeThingType, got both');
    }
    if (thingTypeName !== undefined) expectThingType(account, thingTypeName);
    const typeName = removeThingType ? undefined : (thingTypeName ?? record.typeName);
    const attributes = attributePayload === undefined ? record.attributes : changedAttributes(record, attributePayload);
    expectAttributes(account, attributes, typeName);
    account.things.replace(thingName, { ...record, typeName, attributes, version: record.version + 1 });
    return {};
  },

  DeleteThing({ thingName, expectedVersion }, { account }) {
    const record = account.things.find(thingName);
    if (record === undefined) return {};
    expectVersion(record.version, expectedVersion);
    if (account.thingPrincipals.rightsOf(thingName).length > 0) {
      throw invalidRequest(`Cannot delete thing ${thingName}: expected no principal attached to it`);
    }
    for (const group of account.groupMembers.leftsOf(thingName)) account.groupMembers.detach(group, thingName);
    account.things.remove(thingName);
    return {};
  },

  ListThings(input, { account }) {
    const { attributeName, attributeValue, thingTypeName, usePrefixAttributeValue = false } = input;
    const wanted = account.things.all().filter((thing) => {
      if (thingTypeName !== undefined && thing.typeName !== thingTypeName) return false;
      if (attributeName === undefined) return true;
      const value = attributeOf(thing, attributeName);
      if (value === undefined || attributeValue === undefined) return value !== undefined;
      return usePrefixAttributeValue ? value.startsWith(attributeValue) : value === attributeValue;
    });
    const page = pageOf(wanted, ({ name }) => name, { size: input.maxResults, token: input.nextToken });
    return {
      things: page.items.map(({ name, arn, typeName, attributes, version }) => ({
        ...{ thingName: name, thingArn: arn, attributes: { ...attributes }, version },
        ...(typeName === undefined ? {} : { thingTypeName: typeName }),
      })),
      nextToken: page.next,
    };
  },
} satisfies Operations;

export interface NewThing {
  readonly typeName?: string | undefined;
  readonly attributePayload?: AttributePayload | undefined;
  readonly billingGroupName?: string | undefined;
}

/** Creating what exists in the same form answers with it; in another form it throws ResourceAlreadyExistsException. */
export function createThing(account: Account, name: string, wanted: NewThing): ThingRecord {
  expectName('thing', name);
  const { typeName, billingGroupName } = wanted;
  if (typeName !== undefined) expectThingType(account, typeName);
  const attributes = definedOnly(wanted.attributePayload?.attributes ?? {});
  expectAttributes(account, attributes, typeName);
  const present = account.things.find(name);
  if (present !== undefined) {
    const form = (record: Pick<ThingRecord, 'typeName' | 'attributes' | 'billingGroupName'>) =>
      JSON.stringify([record.typeName, Object.entries(record.attributes).sort(), record.billingGroupName]);
    if (form(present) === form({ typeName, attributes, billingGroupName })) return present;
    const message = `Thing ${name} already exists in account with different properties`;
    throw new IotRefusal('ResourceAlreadyExistsException', message, {
      resourceId: present.id,
      resourceArn: present.arn,
    });
  }
  const arn = arnOf(account.identity, 'thing', name);
  const id = account.identifiers.uuid();
  const thing: ThingRecord = { arn, name, id, typeName, attributes, billingGroupName, version: 1 };
  account.things.add(name, thing);
  return thing;
}

/** The attributes after an update; a value that is empty takes the attribute away. */
export function changedAttributes({ attributes }: ThingRecord, payload: AttributePayload): Record<string, string> {
  const wanted = payload.attributes ?? {};
  return definedOnly(payload.merge === true ? { ...attributes, ...wanted } : wanted);
}

export function expectAttributes(
  { limits }: Account,
  attributes: Readonly<Record<string, string>>,
  typeName: string | undefined,
): void {
  for (const [name, value] of Object.entries(attributes)) {
    expectName('attribute name', name);
    expectName('attribute value', value);
  }
  const bound = typeName === undefined ? limits.attributesWithoutType : limits.attributesWithType;
  if (Object.keys(attributes).length <= bound) return;
  const kind = typeName === undefined ? 'A thing without a type' : 'A thing with a type';
  throw invalidRequest(`${kind} may have ${bound} attributes`);
}

/** Undefined where the thing has no such attribute, whatever objects have by birth (`constructor` is a legal name). */
export function attributeOf({ attributes }: Pick<ThingRecord, 'attributes'>, name: string): string | undefined {
  return Object.hasOwn(attributes, name) ? attributes[name] : undefined;
}

export function expectThingType({ thingTypes }: Account, name: string): void {
  if (thingTypes.get(name).deprecatedMs === undefined) return;
  throw invalidRequest(`Can not create or update a thing to use deprecated thing type: ${name}`);
}

function answer({ name, arn, id }: ThingRecord) {
  return { thingName: name, thingArn: arn, thingId: id };
}

function definedOnly(attributes: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== ''));
}
