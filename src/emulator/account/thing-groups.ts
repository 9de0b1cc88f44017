import type { Account, ThingGroupRecord } from './account.ts';
import { arnOf, nameInArn } from './identity.ts';
import { expectName } from './names.ts';
import type { Operations } from './operation.ts';
import { pageOf } from './page.ts';
import { IotRefusal, invalidRequest } from './refusal.ts';
import { expectTags, setTags } from './tags.ts';

export const thingGroupOperations = {
  CreateThingGroup({ thingGroupName, parentGroupName, thingGroupProperties = {}, tags }, { account, wallMs }) {
    expectName('thing group', thingGroupName);
    if (parentGroupName !== undefined) expectRoomBelow(account, parentGroupName);
    expectTags(account, tags);
    const arn = arnOf(account.identity, 'thinggroup', thingGroupName);
    const id = account.identifiers.uuid();
    account.thingGroups.add(thingGroupName, {
      ...{ arn, name: thingGroupName, id, parentName: parentGroupName, properties: thingGroupProperties },
      ...{ createdMs: wallMs, version: 1 },
    });
    setTags(account, arn, tags);
    return { thingGroupName, thingGroupArn: arn, thingGroupId: id };
  },

  DescribeThingGroup({ thingGroupName }, { account }) {
    const record = account.thingGroups.get(thingGroupName);
    const above = ancestorsOf(account, thingGroupName);
    return {
      ...{ thingGroupName, thingGroupId: record.id, thingGroupArn: record.arn, version: record.version },
      thingGroupProperties: record.properties,
      thingGroupMetadata: {
        ...(record.parentName === undefined ? {} : { parentGroupName: record.parentName }),
        rootToParentThingGroups: above.map(({ name, arn }) => ({ groupName: name, groupArn: arn })).reverse(),
        creationDate: new Date(record.createdMs),
      },
    };
  },

  UpdateThingGroup({ thingGroupName, thingGroupProperties, expectedVersion }, { account }) {
    const record = account.thingGroups.get(thingGroupName);
    expectVersion(record.version, expectedVersion);
    const version = record.version + 1;
    const isMerged = thingGroupProperties.attributePayload?.merge === true;
    const attributes = {
      ...(isMerged ? record.properties.attributePayload?.attributes : {}),
      ...thingGroupProperties.attributePayload?.attributes,
    };
    const properties = { ...record.properties, ...thingGroupProperties, attributePayload: { attributes } };
    account.thingGroups.replace(thingGroupName, { ...record, properties, version });
    return { version };
  },

  DeleteThingGroup({ thingGroupName, expectedVersion }, { account }) {
    const record = account.thingGroups.find(thingGroupName);
    if (record === undefined) return {};
    expectVersion(record.version, expectedVersion);
    if (account.thingGroups.all().some(({ parentName }) => parentName === thingGroupName)) {
      throw invalidRequest(
        `Cannot delete thing group ${thingGroupName} when there are still child groups attached to it`,
      );
    }
    for (const policy of account.policyTargets.leftsOf(record.arn)) account.policyTargets.detach(policy, record.arn);
    for (const thing of account.groupMembers.rightsOf(thingGroupName))
      account.groupMembers.detach(thingGroupName, thing);
    account.thingGroups.remove(thingGroupName);
    account.tagsByArn.delete(record.arn);
    return {};
  },

  ListThingGroups({ parentGroup, namePrefixFilter = '', recursive = true, maxResults, nextToken }, { account }) {
    if (parentGroup !== undefined) account.thingGroups.get(parentGroup);
    const wanted = account.thingGroups.all().filter(({ name, parentName }) => {
      if (!name.startsWith(namePrefixFilter)) return false;
      if (!recursive) return parentName === parentGroup;
      return parentGroup === undefined || ancestorsOf(account, name).some((above) => above.name === parentGroup);
    });
    return groupPage(wanted, maxResults, nextToken);
  },

  AddThingToThingGroup(input, { account }) {
    const group = expectGroup(account, input.thingGroupName, input.thingGroupArn);
    const thing = expectThing(account, input.thingName, input.thingArn);
    addToGroup(account, group, thing);
    return {};
  },

  RemoveThingFromThingGroup(input, { account }) {
    const group = expectGroup(account, input.thingGroupName, input.thingGroupArn);
    account.groupMembers.detach(group, expectThing(account, input.thingName, input.thingArn));
    return {};
  },

  ListThingsInThingGroup({ thingGroupName, recursive = false, maxResults, nextToken }, { account }) {
    account.thingGroups.get(thingGroupName);
    const below = account.thingGroups
      .all()
      .filter(({ name }) => ancestorsOf(account, name).some((a) => a.name === thingGroupName));
    const groups = [thingGroupName, ...(recursive ? below.map(({ name }) => name) : [])];
    const things = [...new Set(groups.flatMap((group) => account.groupMembers.rightsOf(group)))];
    const page = pageOf(things, (thing) => thing, { size: maxResults, token: nextToken });
    return { things: page.items, nextToken: page.next };
  },

  ListThingGroupsForThing({ thingName, maxResults, nextToken }, { account }) {
    account.things.get(thingName);
    const groups = account.groupMembers.leftsOf(thingName).map((name) => account.thingGroups.get(name));
    return groupPage(groups, maxResults, nextToken);
  },
} satisfies Operations;

/** The groups above a group, the nearest first. */
export function ancestorsOf(account: Account, groupName: string): ThingGroupRecord[] {
  const above: ThingGroupRecord[] = [];
  let name = account.thingGroups.find(groupName)?.parentName;
  while (name !== undefined) {
    const group = account.thingGroups.get(name);
    above.push(group);
    name = group.parentName;
  }
  return above;
}

/** The groups that a thing is in, directly or by way of another, each once. */
export function groupsOfThing(account: Account, thingName: string): ThingGroupRecord[] {
  const direct = account.groupMembers.leftsOf(thingName);
  return [...new Set(direct.flatMap((name) => [account.thingGroups.get(name), ...ancestorsOf(account, name)]))];
}

/** Adding what is in the group changes nothing. */
export function addToGroup(account: Account, groupName: string, thingName: string): void {
  const present = account.groupMembers.leftsOf(thingName);
  if (!present.includes(groupName) && present.length >= account.limits.thingGroupsPerThing) {
    const message = `A thing may be in ${account.limits.thingGroupsPerThing} thing groups`;
    throw new IotRefusal('InvalidRequestException', message);
  }
  account.groupMembers.attach(groupName, thingName, true);
}

export function expectVersion(present: number, expected: number | undefined): void {
  if (expected === undefined || expected === present) return;
  throw new IotRefusal('VersionConflictException', `Expected version ${expected}, but the version is ${present}`);
}

/** AWS's bounds of a hierarchy. */
const deepestGroup = 7;
const directChildren = 100;

function expectRoomBelow(account: Account, parentName: string): void {
  account.thingGroups.get(parentName);
  const depth = ancestorsOf(account, parentName).length + 2;
  if (depth > deepestGroup) throw invalidRequest(`A hierarchy of thing groups may be ${deepestGroup} levels deep`);
  const children = account.thingGroups.all().filter(({ parentName: name }) => name === parentName);
  if (children.length >= directChildren) throw invalidRequest(`A thing group may have ${directChildren} child groups`);
}

function expectGroup(account: Account, name: string | undefined, arn: string | undefined): string {
  return account.thingGroups.get(name ?? nameInArn(account.identity, 'thinggroup', arn ?? '') ?? '').name;
}

function expectThing(account: Account, name: string | undefined, arn: string | undefined): string {
  return account.things.get(name ?? nameInArn(account.identity, 'thing', arn ?? '') ?? '').name;
}

function groupPage(groups: readonly ThingGroupRecord[], size: number | undefined, token: string | undefined) {
  const page = pageOf(groups, ({ name }) => name, { size, token });
  return {
    thingGroups: page.items.map(({ name, arn }) => ({ groupName: name, groupArn: arn })),
    nextToken: page.next,
  };
}
