import type { Operations } from '../account/operation.ts';
import { IotRefusal, invalidRequest } from '../account/refusal.ts';
import { invokeAuthorizer, isTokenSigned } from './custom-authorizer.ts';

export const authorizerTestOperations = {
  /** Asks an authorizer's function as a client would be asked about; it need not be ACTIVE. */
  async TestInvokeAuthorizer(input, { account }) {
    const { token, tokenSignature, httpContext, mqttContext, tlsContext } = input;
    const authorizer = account.authorizers.get(input.authorizerName);
    if (!authorizer.signingDisabled && !isTokenSigned(authorizer, token, tokenSignature)) {
      throw invalidRequest('The signature of the token does not verify');
    }
    const answer = await invokeAuthorizer(account, authorizer, {
      ...(token === undefined ? {} : { token }),
      signatureVerified: !authorizer.signingDisabled,
      protocols: [
        ...(tlsContext === undefined ? [] : ['tls']),
        ...(httpContext === undefined ? [] : ['http']),
        ...(mqttContext === undefined ? [] : ['mqtt']),
      ],
      protocolData: {
        ...(tlsContext === undefined ? {} : { tls: { serverName: tlsContext.serverName ?? '' } }),
        ...(httpContext === undefined
          ? {}
          : { http: { headers: httpContext.headers ?? {}, queryString: httpContext.queryString ?? '' } }),
        ...(mqttContext === undefined
          ? {}
          : {
              mqtt: {
                ...(mqttContext.username === undefined ? {} : { username: mqttContext.username }),
                ...(mqttContext.password === undefined
                  ? {}
                  : { password: Buffer.from(mqttContext.password).toString('base64') }),
                clientId: mqttContext.clientId ?? '',
              },
            }),
      },
      connectionMetadata: { id: account.identifiers.uuid() },
    });
    if (typeof answer === 'string') throw new IotRefusal('InvalidResponseException', answer);
    return {
      ...{ isAuthenticated: true, principalId: answer.principalId, policyDocuments: [...answer.documents] },
      ...{ refreshAfterInSeconds: answer.refreshAfterSeconds, disconnectAfterInSeconds: answer.disconnectAfterSeconds },
    };
  },
} satisfies Operations;
