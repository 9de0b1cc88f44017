import type { Account, ThingRecord } from '../account/account.ts';
import { attributeOf } from '../account/things.ts';

/**
 * The thing that a connection belongs to: the one that has the principal exclusively, whatever the client ID; else the one
 * that the client ID names, if the principal is attached to it.
 */
export function associatedThing(account: Account, principal: string, clientId: string): ThingRecord | undefined {
  const { thingPrincipals, things } = account;
  const attached = thingPrincipals.leftsOf(principal);
  const exclusive = attached.find((name) => thingPrincipals.note(name, principal) === 'EXCLUSIVE_THING');
  const name = exclusive ?? attached.find((candidate) => candidate === clientId);
  return name === undefined ? undefined : things.find(name);
}

/** Message enrichment: what the thing's type says that its messages carry. */
export function propagatedAttributes(
  { thingTypes }: Account,
  thing: ThingRecord | undefined,
  clientId: string,
): (readonly [name: string, value: string])[] {
  if (thing?.typeName === undefined) return [];
  const { mqtt5Configuration } = thingTypes.get(thing.typeName).properties;
  return (mqtt5Configuration?.propagatingAttributes ?? []).flatMap((attribute) => {
    const { userPropertyKey = '', thingAttribute, connectionAttribute } = attribute;
    const value =
      thingAttribute === undefined
        ? { 'iot:ClientId': clientId, 'iot:Thing.ThingName': thing.name }[connectionAttribute ?? '']
        : attributeOf(thing, thingAttribute);
    return value === undefined ? [] : [[userPropertyKey, value] as const];
  });
}
