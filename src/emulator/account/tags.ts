import type { Tag } from '@aws-sdk/client-iot';
import type { Account } from './account.ts';
import { nameInArn } from './identity.ts';
import type { Operations } from './operation.ts';
import { pageOf } from './page.ts';
import { IotRefusal, invalidRequest, notFound } from './refusal.ts';

/** Throws before a resource is made for which its tags are too many. */
export function expectTags({ limits }: Account, tags: readonly Tag[] = []): void {
  if (tags.length > limits.tagsPerResource) {
    throw new IotRefusal('LimitExceededException', `A resource may have ${limits.tagsPerResource} tags`);
  }
  if (tags.some(({ Key }) => Key === undefined || Key === '' || Key.length > 128)) {
    throw invalidRequest('A tag needs a key of 1 to 128 characters');
  }
}

export function setTags(account: Account, arn: string, tags: readonly Tag[] = []): void {
  const merged = new Map(account.tagsByArn.get(arn));
  for (const { Key = '', Value = '' } of tags) merged.set(Key, Value);
  expectTags(
    account,
    [...merged.keys()].map((Key) => ({ Key })),
  );
  if (merged.size > 0) account.tagsByArn.set(arn, merged);
}

export const tagOperations = {
  TagResource({ resourceArn, tags }, { account }) {
    expectResource(account, resourceArn);
    expectTags(account, tags);
    setTags(account, resourceArn, tags);
    return {};
  },
  UntagResource({ resourceArn, tagKeys }, { account }) {
    expectResource(account, resourceArn);
    const tags = new Map(account.tagsByArn.get(resourceArn));
    for (const key of tagKeys) tags.delete(key);
    if (tags.size > 0) account.tagsByArn.set(resourceArn, tags);
    else account.tagsByArn.delete(resourceArn);
    return {};
  },
  ListTagsForResource({ resourceArn, nextToken }, { account }) {
    expectResource(account, resourceArn);
    const tags = [...(account.tagsByArn.get(resourceArn) ?? [])].map(([Key, Value]) => ({ Key, Value }));
    const page = pageOf(tags, ({ Key }) => Key, { size: undefined, token: nextToken });
    return { tags: page.items, nextToken: page.next };
  },
} satisfies Operations;

function expectResource(account: Account, arn: string): void {
  const { identity } = account;
  const named = [
    ['authorizer', account.authorizers],
    ['cacert', account.authorities],
    ['policy', account.policies],
    ['provisioningtemplate', account.templates],
    ['rule', account.rules],
    ['thinggroup', account.thingGroups],
    ['thingtype', account.thingTypes],
  ] as const;
  const isKnown = named.some(([kind, collection]) => {
    const name = nameInArn(identity, kind, arn);
    return name !== undefined && collection.find(name) !== undefined;
  });
  if (!isKnown && !account.domains.all().some((domain) => domain.arn === arn)) {
    throw notFound(`The resource ${arn} does not exist`);
  }
}
