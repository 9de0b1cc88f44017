import type { Mqtt5Configuration, PropagatingAttribute } from '@aws-sdk/client-iot';
import { byUserPropertyKey } from '../desired-resources.ts';
import type { ThingTypeResource } from '../resource.ts';
import { hasChanged, type KindOperations, told } from './kind-operations.ts';

export const thingTypeOperations: KindOperations<ThingTypeResource> = {
  async read(iot, { name }) {
    const {
      thingTypeArn,
      thingTypeProperties = {},
      thingTypeMetadata,
    } = await iot.describeThingType({
      thingTypeName: name,
    });
    const { thingTypeDescription = '', searchableAttributes = [], mqtt5Configuration } = thingTypeProperties;
    return {
      ...(thingTypeArn !== undefined && { arn: thingTypeArn }),
      properties: told({
        description: thingTypeDescription,
        searchableAttributes: searchableAttributes.toSorted(),
        propagatingAttributes: (mqtt5Configuration?.propagatingAttributes ?? []).toSorted(byUserPropertyKey),
        deprecated: thingTypeMetadata?.deprecated ?? false,
      }),
    };
  },

  async create(iot, { name, properties }, tag) {
    const { description, searchableAttributes } = properties;
    const { thingTypeArn } = await iot.createThingType({
      thingTypeName: name,
      thingTypeProperties: {
        ...(description !== undefined && { thingTypeDescription: description }),
        ...(searchableAttributes.length > 0 && { searchableAttributes: [...searchableAttributes] }),
        ...(properties.propagatingAttributes.length > 0 && { mqtt5Configuration: mqtt5Configuration(properties) }),
      },
      tags: [tag],
    });
    return thingTypeArn;
  },

  async update(iot, { name, properties }, { changes }) {
    if (hasChanged(changes, 'deprecated')) await iot.deprecateThingType({ thingTypeName: name, undoDeprecate: true });
    if (!hasChanged(changes, 'propagatingAttributes')) return;
    await iot.updateThingType({
      thingTypeName: name,
      thingTypeProperties: { mqtt5Configuration: mqtt5Configuration(properties) },
    });
  },

  /** AWS deletes a thing type five minutes after it was deprecated, and none that things have. */
  async remove(iot, { name }, { properties }) {
    if (properties['deprecated'] !== true) await iot.deprecateThingType({ thingTypeName: name });
    await iot.deleteThingType({ thingTypeName: name });
  },
};

function mqtt5Configuration({ propagatingAttributes }: ThingTypeResource['properties']): Mqtt5Configuration {
  return { propagatingAttributes: [...propagatingAttributes] as PropagatingAttribute[] };
}
