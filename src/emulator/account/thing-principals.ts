import type { ThingPrincipalType } from '@aws-sdk/client-iot';
import type { Account } from './account.ts';
import { certificateWithArn } from './device-certificates.ts';
import { expectOneOf } from './names.ts';
import type { Operations } from './operation.ts';
import { pageOf } from './page.ts';
import { IotRefusal, invalidRequest, notFound } from './refusal.ts';

export const thingPrincipalOperations = {
  AttachThingPrincipal({ thingName, principal, thingPrincipalType = 'NON_EXCLUSIVE_THING' }, { account }) {
    expectOneOf('thingPrincipalType', thingPrincipalType, ['EXCLUSIVE_THING', 'NON_EXCLUSIVE_THING']);
    attachThing(account, thingName, principal, thingPrincipalType);
    return {};
  },

  DetachThingPrincipal({ thingName, principal }, { account }) {
    account.things.get(thingName);
    certificateWithArn(account, principal);
    if (account.thingPrincipals.detach(thingName, principal)) return {};
    throw notFound(`The principal ${principal} is not attached to thing ${thingName}`);
  },

  ListThingPrincipals({ thingName, maxResults, nextToken }, { account }) {
    const page = principalPage(account, thingName, maxResults, nextToken);
    return { principals: page.items, nextToken: page.next };
  },

  ListThingPrincipalsV2({ thingName, maxResults, nextToken, thingPrincipalType }, { account }) {
    const page = principalPage(account, thingName, maxResults, nextToken, thingPrincipalType);
    return {
      thingPrincipalObjects: page.items.map((principal) => ({
        ...{ principal, thingPrincipalType: account.thingPrincipals.note(thingName, principal) },
      })),
      nextToken: page.next,
    };
  },

  ListPrincipalThings({ principal, maxResults, nextToken }, { account }) {
    const page = thingPage(account, principal, maxResults, nextToken);
    return { things: page.items, nextToken: page.next };
  },

  ListPrincipalThingsV2({ principal, maxResults, nextToken, thingPrincipalType }, { account }) {
    const page = thingPage(account, principal, maxResults, nextToken, thingPrincipalType);
    return {
      principalThingObjects: page.items.map((thingName) => ({
        ...{ thingName, thingPrincipalType: account.thingPrincipals.note(thingName, principal) },
      })),
      nextToken: page.next,
    };
  },
} satisfies Operations;

/** Attaching again in the same way changes nothing; an exclusive principal belongs to one thing and to no other. */
export function attachThing(account: Account, thingName: string, principal: string, type: ThingPrincipalType): void {
  account.things.get(thingName);
  certificateWithArn(account, principal);
  const { thingPrincipals, limits } = account;
  const present = thingPrincipals.note(thingName, principal);
  if (present === type) return;
  const others = thingPrincipals.leftsOf(principal);
  const hasExclusive = others.some((thing) => thingPrincipals.note(thing, principal) === 'EXCLUSIVE_THING');
  if (present !== undefined || hasExclusive || (type === 'EXCLUSIVE_THING' && others.length > 0)) {
    throw invalidRequest(
      `The principal ${principal} is attached already, and an exclusive attachment excludes every other: detach it first`,
    );
  }
  if (thingPrincipals.rightsOf(thingName).length >= limits.principalsPerThing) {
    throw new IotRefusal('LimitExceededException', `A thing may have ${limits.principalsPerThing} principals`);
  }
  if (others.length >= limits.thingsPerPrincipal) {
    throw new IotRefusal('LimitExceededException', `A principal may have ${limits.thingsPerPrincipal} things`);
  }
  thingPrincipals.attach(thingName, principal, type);
}

function principalPage(
  account: Account,
  thingName: string,
  size: number | undefined,
  token: string | undefined,
  type?: ThingPrincipalType,
) {
  account.things.get(thingName);
  const principals = account.thingPrincipals
    .rightsOf(thingName)
    .filter((principal) => type === undefined || account.thingPrincipals.note(thingName, principal) === type);
  return pageOf(principals, (principal) => principal, { size, token });
}

function thingPage(
  account: Account,
  principal: string,
  size: number | undefined,
  token: string | undefined,
  type?: ThingPrincipalType,
) {
  certificateWithArn(account, principal);
  const things = account.thingPrincipals
    .leftsOf(principal)
    .filter((thing) => type === undefined || account.thingPrincipals.note(thing, principal) === type);
  return pageOf(things, (thing) => thing, { size, token });
}
