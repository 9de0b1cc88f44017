import type { ArrivedConnection } from '../account-gate.ts';
import type { ClientSession } from './client-session.ts';
import type { PastConnection } from './connection-ledger.ts';
import type { LiveConnection } from './iot-broker.ts';

/** What is known of a client: at least one of these. */
export interface KnownConnection {
  readonly clientId: string;
  readonly live: LiveConnection | undefined;
  readonly session: ClientSession | undefined;
  readonly past: PastConnection | undefined;
}

/** GetConnection's answer. Times are in milliseconds since the Unix epoch. */
export function connectionDocument(
  { clientId, live, session, past }: KnownConnection,
  { includeSocket }: { readonly includeSocket: boolean },
): object {
  const head = { clientId, connected: live !== undefined, sessionExpiry: session?.expirySeconds ?? 0 };
  if (live === undefined) {
    return {
      ...head,
      cleanSession: session === undefined,
      ...(past === undefined
        ? {}
        : { disconnectedSince: Math.floor(past.disconnectedSinceMs), disconnectReason: past.disconnectReason }),
    };
  }
  const { client, arrived, connectedSinceMs } = live;
  const thingName = client.identity.thingName();
  return {
    ...head,
    ...(thingName === undefined ? {} : { thingName }),
    cleanSession: !client.session.isPersistent,
    keepAliveDuration: client.agreed.keepAliveSeconds,
    connectedSince: Math.floor(connectedSinceMs),
    ...(includeSocket ? socketDocument(arrived) : {}),
  };
}

function socketDocument({ sourceAddress, ends }: ArrivedConnection): object {
  const sourceIp = sourceAddress;
  if (ends === undefined) return { sourceIp };
  const { sourcePort, targetAddress, targetPort } = ends;
  return { sourceIp, sourcePort, targetIp: targetAddress, targetPort };
}

/** ListSubscriptions' items, in the order in which they were made. */
export function subscriptionDocuments({ subscriptions }: ClientSession): object[] {
  return [...subscriptions].map(([topicFilter, qos]) => ({ topicFilter, qos }));
}
