import { verify } from 'node:crypto';
import { errorMessage } from '../../base/errors.ts';
import type { Account, AuthorizerRecord, DomainRecord } from '../account/account.ts';
import { type AuthorizerAnswer, readAuthorizerAnswer } from './authorizer-answer.ts';
import { readAuthorizerUsername } from './authorizer-username.ts';

/** A client as a custom authorizer's function is asked about it. */
export interface AuthorizerQuestion {
  readonly username: string | undefined;
  readonly password: Buffer | undefined;
  readonly clientId: string;
  readonly serverName: string | undefined;
  /** CUSTOM_AUTH_X509. */
  readonly certificate: { readonly pem: string; readonly id: string } | undefined;
}

/** Says who a client is by the authorizer that it names or that its domain has; a text says why it is nobody. */
export async function authorize(
  account: Account,
  domain: DomainRecord,
  question: AuthorizerQuestion,
): Promise<AuthorizerAnswer | string> {
  const credentials = readAuthorizerUsername(question.username);
  const name = authorizerName(account, domain, credentials.authorizerName);
  const authorizer = name === undefined ? undefined : account.authorizers.find(name);
  if (authorizer === undefined || !authorizer.isActive) return 'There is no active authorizer for the client';
  const token = authorizer.tokenKeyName === undefined ? undefined : credentials.parameters.get(authorizer.tokenKeyName);
  if (!authorizer.signingDisabled && !isTokenSigned(authorizer, token, credentials.signature)) {
    return 'The signature of the token does not verify';
  }
  return invokeAuthorizer(account, authorizer, {
    ...(token === undefined ? {} : { token }),
    signatureVerified: !authorizer.signingDisabled,
    protocols: ['tls', 'mqtt'],
    protocolData: {
      tls: {
        ...(question.serverName === undefined ? {} : { serverName: question.serverName }),
        ...(question.certificate === undefined
          ? {}
          : { x509CertificatePem: question.certificate.pem, principalId: question.certificate.id }),
      },
      mqtt: {
        ...(question.username === undefined ? {} : { username: question.username }),
        ...(question.password === undefined ? {} : { password: question.password.toString('base64') }),
        clientId: question.clientId,
      },
    },
    connectionMetadata: { id: account.identifiers.uuid() },
  });
}

/** Whether the client's token carries a signature by one of the authorizer's keys. */
export function isTokenSigned(
  { publicKeys }: Pick<AuthorizerRecord, 'publicKeys'>,
  token: string | undefined,
  signature: string | undefined,
): boolean {
  if (token === undefined || signature === undefined) return false;
  const bytes = Buffer.from(signature, 'base64');
  return Object.values(publicKeys).some((key) => verify('sha256', Buffer.from(token), key, bytes));
}

/** A function that throws or takes too long lets nobody in. */
export async function invokeAuthorizer(
  { functions, limits }: Account,
  { functionArn }: AuthorizerRecord,
  event: AuthorizerEvent,
): Promise<AuthorizerAnswer | string> {
  let answer: unknown;
  try {
    answer = await functions.invoke(functionArn, event);
  } catch (error) {
    return `The function has failed: ${errorMessage(error)}`;
  }
  const certificateId = event.protocolData.tls?.principalId;
  return readAuthorizerAnswer(answer, { certificateId, policyCharacters: limits.policyCharacters });
}

export interface AuthorizerEvent {
  readonly token?: string;
  readonly signatureVerified: boolean;
  readonly protocols: readonly string[];
  readonly protocolData: {
    readonly tls?: {
      readonly serverName?: string;
      readonly x509CertificatePem?: string;
      readonly principalId?: string;
    };
    readonly http?: { readonly headers: Readonly<Record<string, string>>; readonly queryString: string };
    readonly mqtt?: { readonly username?: string; readonly password?: string; readonly clientId: string };
  };
  readonly connectionMetadata: { readonly id: string };
}

/** The client's own choice where the domain has none or lets it be replaced; then the domain's, then the account's. */
function authorizerName({ settings }: Account, { authorizerConfig }: DomainRecord, chosen: string | undefined) {
  const { defaultAuthorizerName, allowAuthorizerOverride = false } = authorizerConfig ?? {};
  if (chosen !== undefined && (defaultAuthorizerName === undefined || allowAuthorizerOverride)) return chosen;
  return defaultAuthorizerName ?? chosen ?? settings.defaultAuthorizerName;
}
