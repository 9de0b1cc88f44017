import type { Mqtt5Configuration, ThingTypeProperties } from '@aws-sdk/client-iot';
import type { ThingTypeRecord } from './account.ts';
import { arnOf } from './identity.ts';
import { expectName } from './names.ts';
import type { Operations } from './operation.ts';
import { pageOf } from './page.ts';
import { IotRefusal, invalidRequest } from './refusal.ts';
import { expectTags, setTags } from './tags.ts';

export const thingTypeOperations = {
  CreateThingType({ thingTypeName, thingTypeProperties = {}, tags }, { account, wallMs }) {
    expectName('thing type', thingTypeName);
    expectPropagation(thingTypeProperties.mqtt5Configuration);
    expectTags(account, tags);
    const present = account.thingTypes.find(thingTypeName);
    if (present !== undefined && isSame(present.properties, thingTypeProperties)) return answer(present);
    const record: ThingTypeRecord = {
      ...{
        arn: arnOf(account.identity, 'thingtype', thingTypeName),
        name: thingTypeName,
        id: account.identifiers.uuid(),
      },
      ...{ properties: thingTypeProperties, createdMs: wallMs, deprecatedMs: undefined },
    };
    account.thingTypes.add(thingTypeName, record);
    setTags(account, record.arn, tags);
    return answer(record);
  },

  DescribeThingType({ thingTypeName }, { account }) {
    const record = account.thingTypes.get(thingTypeName);
    return { ...answer(record), thingTypeProperties: record.properties, thingTypeMetadata: metadata(record) };
  },

  UpdateThingType({ thingTypeName, thingTypeProperties }, { account }) {
    const record = account.thingTypes.get(thingTypeName);
    const { mqtt5Configuration, ...rest } = thingTypeProperties ?? {};
    if (Object.values(rest).some((value) => value !== undefined)) {
      throw invalidRequest('Only mqtt5Configuration of a thing type can be updated');
    }
    expectPropagation(mqtt5Configuration);
    const properties = { ...record.properties, ...(mqtt5Configuration === undefined ? {} : { mqtt5Configuration }) };
    account.thingTypes.replace(thingTypeName, { ...record, properties });
    return {};
  },

  DeprecateThingType({ thingTypeName, undoDeprecate = false }, { account, wallMs }) {
    const record = account.thingTypes.get(thingTypeName);
    account.thingTypes.replace(thingTypeName, { ...record, deprecatedMs: undoDeprecate ? undefined : wallMs });
    return {};
  },

  DeleteThingType({ thingTypeName }, { account, wallMs }) {
    const { arn, deprecatedMs } = account.thingTypes.get(thingTypeName);
    if (deprecatedMs === undefined) {
      throw invalidRequest(`Can only delete deprecated thing types; ${thingTypeName} is not deprecated`);
    }
    if (wallMs < deprecatedMs + account.limits.thingTypeRestMs) {
      throw invalidRequest(`Please wait for 5 minutes after deprecation and then retry: ${thingTypeName}`);
    }
    if (account.things.all().some(({ typeName }) => typeName === thingTypeName)) {
      throw new IotRefusal('InvalidRequestException', `There are things of the type ${thingTypeName}`);
    }
    account.thingTypes.remove(thingTypeName);
    account.tagsByArn.delete(arn);
    return {};
  },

  ListThingTypes({ thingTypeName, maxResults, nextToken }, { account }) {
    const wanted = account.thingTypes.all().filter(({ name }) => thingTypeName === undefined || name === thingTypeName);
    const page = pageOf(wanted, ({ name }) => name, { size: maxResults, token: nextToken });
    return {
      thingTypes: page.items.map((record) => ({
        ...{ thingTypeName: record.name, thingTypeArn: record.arn },
        ...{ thingTypeProperties: record.properties, thingTypeMetadata: metadata(record) },
      })),
      nextToken: page.next,
    };
  },
} satisfies Operations;

function answer({ name, arn, id }: ThingTypeRecord) {
  return { thingTypeName: name, thingTypeArn: arn, thingTypeId: id };
}

function metadata({ createdMs, deprecatedMs }: ThingTypeRecord) {
  return {
    ...{ deprecated: deprecatedMs !== undefined, creationDate: new Date(createdMs) },
    ...(deprecatedMs === undefined ? {} : { deprecationDate: new Date(deprecatedMs) }),
  };
}

function isSame(one: ThingTypeProperties, other: ThingTypeProperties): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function expectPropagation(configuration: Mqtt5Configuration | undefined): void {
  for (const { userPropertyKey = '', thingAttribute, connectionAttribute } of configuration?.propagatingAttributes ??
    []) {
    if (!/^[a-zA-Z0-9:$.]{1,128}$/.test(userPropertyKey)) {
      throw invalidRequest(
        `Expected a userPropertyKey of the form [a-zA-Z0-9:$.]+, got ${JSON.stringify(userPropertyKey)}`,
      );
    }
    if ((thingAttribute === undefined) === (connectionAttribute === undefined)) {
      throw invalidRequest('Expected either thingAttribute or connectionAttribute of a propagating attribute');
    }
    if (thingAttribute !== undefined) expectName('attribute name', thingAttribute);
    if (connectionAttribute === undefined || connectionAttributes.includes(connectionAttribute)) continue;
    throw invalidRequest(`Expected iot:ClientId or iot:Thing.ThingName, got ${connectionAttribute}`);
  }
}

const connectionAttributes: readonly string[] = ['iot:ClientId', 'iot:Thing.ThingName'];
