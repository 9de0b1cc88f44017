import type { AuthorizerResource } from '../resource.ts';
import { type KindOperations, told } from './kind-operations.ts';

export const authorizerOperations: KindOperations<AuthorizerResource> = {
  async read(iot, { name }) {
    const { authorizerDescription: found = {} } = await iot.describeAuthorizer({ authorizerName: name });
    const { tokenSigningPublicKeys: keys = {} } = found;
    return {
      ...(found.authorizerArn !== undefined && { arn: found.authorizerArn }),
      properties: told({
        functionArn: found.authorizerFunctionArn,
        status: found.status,
        signingDisabled: found.signingDisabled ?? false,
        tokenKeyName: found.tokenKeyName ?? null,
        publicKeys: Object.fromEntries(Object.entries(keys).map(([key, pem]) => [key, pem.trim()])),
      }),
    };
  },

  async create(iot, { name, properties }, tag) {
    const { authorizerArn } = await iot.createAuthorizer({
      authorizerName: name,
      signingDisabled: properties.signingDisabled,
      ...changeable(properties),
      tags: [tag],
    });
    return authorizerArn;
  },

  async update(iot, { name, properties }) {
    await iot.updateAuthorizer({ authorizerName: name, ...changeable(properties) });
  },

  async remove(iot, { name }, { properties }) {
    if (properties['status'] !== 'INACTIVE') await iot.updateAuthorizer({ authorizerName: name, status: 'INACTIVE' });
    await iot.deleteAuthorizer({ authorizerName: name });
  },
};

function changeable({ functionArn, status, tokenKeyName, publicKeys }: AuthorizerResource['properties']) {
  return {
    authorizerFunctionArn: functionArn,
    status,
    ...(tokenKeyName !== null && { tokenKeyName }),
    ...(publicKeys !== null && { tokenSigningPublicKeys: { ...publicKeys } }),
  };
}
