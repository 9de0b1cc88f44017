import { createPublicKey } from 'node:crypto';
import type { AuthorizerRecord } from './account.ts';
import { arnOf } from './identity.ts';
import { expectName } from './names.ts';
import type { Operations } from './operation.ts';
import { pageOf } from './page.ts';
import { IotRefusal, invalidRequest, notFound } from './refusal.ts';
import { expectTags, setTags } from './tags.ts';

export const authorizerOperations = {
  CreateAuthorizer(input, { account, wallMs }) {
    const { authorizerName: name, tokenSigningPublicKeys = {}, signingDisabled = false, tags } = input;
    expectName('authorizer', name);
    expectTags(account, tags);
    const record: AuthorizerRecord = {
      ...{ arn: arnOf(account.identity, 'authorizer', name), name, functionArn: input.authorizerFunctionArn },
      ...{ tokenKeyName: input.tokenKeyName, publicKeys: tokenSigningPublicKeys, signingDisabled },
      ...{ isActive: isActive(input.status) ?? false, cachesForHttp: input.enableCachingForHttp === true },
      ...{ createdMs: wallMs, modifiedMs: wallMs },
    };
    expectSigning(record);
    account.authorizers.add(name, record);
    setTags(account, record.arn, tags);
    return { authorizerName: name, authorizerArn: record.arn };
  },

  UpdateAuthorizer(input, { account, wallMs }) {
    const record = account.authorizers.get(input.authorizerName);
    const changed: AuthorizerRecord = {
      ...record,
      functionArn: input.authorizerFunctionArn ?? record.functionArn,
      tokenKeyName: input.tokenKeyName ?? record.tokenKeyName,
      publicKeys: input.tokenSigningPublicKeys ?? record.publicKeys,
      isActive: isActive(input.status) ?? record.isActive,
      cachesForHttp: input.enableCachingForHttp ?? record.cachesForHttp,
      modifiedMs: wallMs,
    };
    expectSigning(changed);
    account.authorizers.replace(record.name, changed);
    return { authorizerName: record.name, authorizerArn: record.arn };
  },

  DescribeAuthorizer: ({ authorizerName }, { account }) => ({
    authorizerDescription: describe(account.authorizers.get(authorizerName)),
  }),

  DeleteAuthorizer({ authorizerName }, { account }) {
    const { arn, isActive: isInUse } = account.authorizers.get(authorizerName);
    if (account.settings.defaultAuthorizerName === authorizerName) {
      throw new IotRefusal('DeleteConflictException', `${authorizerName} is the default authorizer of the account`);
    }
    const names = account.domains
      .all()
      .filter(({ authorizerConfig }) => authorizerConfig?.defaultAuthorizerName === authorizerName)
      .map(({ name }) => name);
    if (names.length > 0) {
      const message = `${authorizerName} is the authorizer of the domain configuration ${names.join(', ')}`;
      throw new IotRefusal('DeleteConflictException', message);
    }
    if (isInUse) {
      const message = `The authorizer ${authorizerName} must be INACTIVE before it can be deleted`;
      throw new IotRefusal('DeleteConflictException', message);
    }
    account.authorizers.remove(authorizerName);
    account.tagsByArn.delete(arn);
    return {};
  },

  ListAuthorizers({ pageSize, marker, ascendingOrder, status }, { account }) {
    const wanted = account.authorizers
      .all()
      .filter((record) => (isActive(status) ?? record.isActive) === record.isActive);
    const descending = ascendingOrder === false;
    const page = pageOf(wanted, ({ name }) => name, { size: pageSize, token: marker, descending });
    return {
      authorizers: page.items.map(({ name, arn }) => ({ authorizerName: name, authorizerArn: arn })),
      nextMarker: page.next,
    };
  },

  SetDefaultAuthorizer({ authorizerName }, { account }) {
    const { arn } = account.authorizers.get(authorizerName);
    account.settings.defaultAuthorizerName = authorizerName;
    return { authorizerName, authorizerArn: arn };
  },

  DescribeDefaultAuthorizer(_input, { account }) {
    const { defaultAuthorizerName } = account.settings;
    if (defaultAuthorizerName === undefined) throw notFound('The account has no default authorizer');
    return { authorizerDescription: describe(account.authorizers.get(defaultAuthorizerName)) };
  },

  ClearDefaultAuthorizer(_input, { account }) {
    account.settings.defaultAuthorizerName = undefined;
    return {};
  },
} satisfies Operations;

function expectSigning({ name, signingDisabled, tokenKeyName, publicKeys }: AuthorizerRecord): void {
  if (signingDisabled) return;
  if (tokenKeyName === undefined)
    throw invalidRequest(`Expected a tokenKeyName of ${name}, because signing is enabled`);
  expectName('token key', tokenKeyName);
  if (Object.keys(publicKeys).length === 0) throw invalidRequest(`Expected a token signing public key of ${name}`);
  for (const [keyName, pem] of Object.entries(publicKeys)) {
    expectName('token key', keyName);
    if (!isLongRsaKey(pem))
      throw invalidRequest(`Expected ${keyName} to be an RSA public key of 2048 bits or more, PEM`);
  }
}

function isLongRsaKey(pem: string): boolean {
  try {
    const { asymmetricKeyType, asymmetricKeyDetails } = createPublicKey(pem);
    return asymmetricKeyType === 'rsa' && (asymmetricKeyDetails?.modulusLength ?? 0) >= 2048;
  } catch {
    return false;
  }
}

function isActive(status: string | undefined): boolean | undefined {
  if (status === undefined) return undefined;
  if (status !== 'ACTIVE' && status !== 'INACTIVE') throw invalidRequest(`Expected ACTIVE or INACTIVE, got ${status}`);
  return status === 'ACTIVE';
}

function describe(record: AuthorizerRecord) {
  const { name, arn, functionArn, tokenKeyName, publicKeys, createdMs, modifiedMs } = record;
  return {
    ...{ authorizerName: name, authorizerArn: arn, authorizerFunctionArn: functionArn },
    ...(tokenKeyName === undefined ? {} : { tokenKeyName }),
    tokenSigningPublicKeys: { ...publicKeys },
    status: record.isActive ? ('ACTIVE' as const) : ('INACTIVE' as const),
    ...{ creationDate: new Date(createdMs), lastModifiedDate: new Date(modifiedMs) },
    ...{ signingDisabled: record.signingDisabled, enableCachingForHttp: record.cachesForHttp },
  };
}
