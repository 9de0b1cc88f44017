import type { Clock } from '../../base/clock.ts';
import { type CertifiedDevice, deviceCommonName, deviceDigest } from '../../tls/certified-device.ts';
import { thingOfCommonName } from '../thing-name.ts';
import { type AuthorizerAnswer, type AuthorizerTimes, authorizerSeconds, denied } from './authorizer-answer.ts';
import { type AuthorizerToken, decodeAuthorizerToken } from './authorizer-token.ts';
import { memberOf, textOf } from './event-fields.ts';
import type { FunctionLog } from './function-log.ts';
import type { PolicyTemplate } from './policy-variables.ts';

export interface TokenAuthorizerOptions {
  /** What a device may do; its variables stand for the device that the token names. At most ten. */
  readonly policies: readonly PolicyTemplate[];
  readonly times: AuthorizerTimes;
}

export interface TokenAuthorizerDeps {
  readonly clock: Pick<Clock, 'wallMs'>;
  readonly log: FunctionLog;
}

/** The custom authorizer that believes the gateway: its token, signed, for this client ID, not expired. Never rejects. */
export function createTokenAuthorizer(options: TokenAuthorizerOptions, { clock, log }: TokenAuthorizerDeps) {
  return async (event: unknown): Promise<AuthorizerAnswer> => {
    const clientId = textOf(event, 'protocolData', 'mqtt', 'clientId') ?? '';
    const connection = textOf(event, 'connectionMetadata', 'id');
    const note = { function: 'token-authorizer', clientId, ...(connection === undefined ? {} : { connection }) };
    const judged = judge(event, clientId, options, clock.wallMs());
    if (typeof judged === 'string') log({ ...note, outcome: 'denied', reason: judged });
    return typeof judged === 'string' ? denied : judged;
  };
}

/** The answer, or why there is none. */
function judge(
  event: unknown,
  clientId: string,
  { policies, times }: TokenAuthorizerOptions,
  nowMs: number,
): AuthorizerAnswer | string {
  // AWS verifies before it calls, unless signing is switched off for the authorizer: then anybody writes tokens.
  if (memberOf(event, 'signatureVerified') !== true) return 'signature-not-verified';
  const token = decodeAuthorizerToken(textOf(event, 'token') ?? '');
  if (!token.ok) return token.error;
  if (nowMs >= token.value.expiresMs) return 'token-expired';
  if ((token.value.clientId ?? '') !== clientId) return 'other-client-id';
  const documents = [];
  for (const policy of policies) {
    const filled = policy.fill(valuesOf(token.value));
    if (!filled.ok) return filled.error;
    documents.push(filled.value);
  }
  const { disconnectAfterSeconds, refreshAfterSeconds } = times;
  return {
    isAuthenticated: true,
    principalId: principalOf(token.value),
    policyDocuments: documents,
    disconnectAfterInSeconds: disconnectAfterSeconds,
    refreshAfterInSeconds: Math.max(authorizerSeconds.least, Math.min(refreshAfterSeconds, disconnectAfterSeconds)),
  };
}

/** The same names that the device's certificate and thing would have, so that one policy serves both ways to connect. */
function valuesOf(token: AuthorizerToken) {
  const commonName = deviceCommonName(token);
  return {
    ...(token.clientId === undefined ? {} : { 'iot:ClientId': token.clientId }),
    'iot:Certificate.Subject.CommonName': commonName,
    'iot:Connection.Thing.ThingName': thingOfCommonName(commonName).thingName,
  };
}

/** Hexadecimal, because a principal's ID has letters and digits only; one for each device key. */
function principalOf({ kind, key }: CertifiedDevice): string {
  return deviceDigest('principal', { kind, key }).toString('hex');
}
