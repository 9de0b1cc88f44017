import { failure, type Result, success } from '../base/result.ts';
import { type ConnectQuestion, encodeSessionEnd } from '../mqtt/connect-adaptation.ts';
import { type CredentialFault, judgeCredentials } from './credential-policy.ts';
import type { GatewayPorts, GatewaySettings } from './gateway-ports.ts';
import type { UpstreamDevice } from './upstream-connector.ts';

/** A broker that is asked, and for whom. */
export interface BrokerAsked {
  readonly broker: string;
  readonly device: UpstreamDevice;
}

interface CredentialContext {
  readonly settings: GatewaySettings;
  readonly ports: Pick<GatewayPorts, 'upstream'>;
}

/** Why the broker must not be asked in the device's name; undefined: it may be. */
export function credentialFault(
  { connect }: ConnectQuestion,
  { broker, device }: BrokerAsked,
  { brokers }: GatewaySettings,
): CredentialFault | undefined {
  const traits = brokers?.[broker];
  return traits === undefined ? undefined : judgeCredentials(connect, traits, device.identity);
}

/** The question with the credentials that the broker gets: the device's own, or what its identity mode makes of them. */
export async function withCredentials(
  question: ConnectQuestion,
  asked: BrokerAsked,
  { settings, ports }: CredentialContext,
): Promise<Result<ConnectQuestion, CredentialFault>> {
  const fault = credentialFault(question, asked, settings);
  if (fault !== undefined) return failure(fault);
  return (await ports.upstream.authorize?.(asked.broker, asked.device, question)) ?? success(question);
}

/**
 * The CONNECT that ends a session some day: by then the token of a custom authorizer has expired, so that one is made when
 * it is due.
 */
export function sessionEndEncoder(
  question: ConnectQuestion,
  asked: BrokerAsked,
  context: CredentialContext,
): () => Promise<Buffer | undefined> {
  return async () => {
    const authorized = await withCredentials(question, asked, context);
    return authorized.ok ? encodeSessionEnd(authorized.value).packet : undefined;
  };
}
