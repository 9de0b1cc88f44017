import type { DisconnectReason } from './disconnect-reason.ts';

/** What lifecycle events say of a connection. */
export interface LifecycleSubject {
  readonly clientId: string;
  /** Only with an association. */
  readonly thingName: string | undefined;
  readonly sessionIdentifier: string;
  readonly principalIdentifier: string | undefined;
}

export type LifecycleEvent =
  | { readonly eventType: 'connected'; readonly ipAddress: string; readonly versionNumber: number }
  | { readonly eventType: 'disconnected'; readonly disconnectReason: DisconnectReason; readonly versionNumber: number }
  | { readonly eventType: 'connect_failed'; readonly ipAddress: string }
  | { readonly eventType: 'subscribed' | 'unsubscribed'; readonly topics: readonly string[] };

/** The message that AWS publishes; undefined: none for such a client ID. `nowMs` is since the Unix epoch. */
export function lifecycleMessage(
  subject: LifecycleSubject,
  event: LifecycleEvent,
  nowMs: number,
): { readonly topic: string; readonly payload: Buffer } | undefined {
  const { clientId } = subject;
  // They could not be published: the client ID is a level of the topic (AWS developer guide).
  if (clientId.includes('#') || clientId.includes('+')) return undefined;
  const folder = event.eventType === 'subscribed' || event.eventType === 'unsubscribed' ? 'subscriptions' : 'presence';
  return {
    topic: `$aws/events/${folder}/${event.eventType}/${clientId}`,
    payload: Buffer.from(JSON.stringify(documentOf(subject, event, Math.floor(nowMs)))),
  };
}

function documentOf(subject: LifecycleSubject, event: LifecycleEvent, timestamp: number): object {
  const { clientId, thingName, sessionIdentifier, principalIdentifier } = subject;
  const head = { clientId, ...(thingName === undefined ? {} : { thingName }), timestamp, eventType: event.eventType };
  const identity = { sessionIdentifier, principalIdentifier };
  switch (event.eventType) {
    case 'connected':
      return { ...head, ...identity, ipAddress: event.ipAddress, versionNumber: event.versionNumber };
    case 'disconnected':
      return {
        ...head,
        ...identity,
        clientInitiatedDisconnect: event.disconnectReason === 'CLIENT_INITIATED_DISCONNECT',
        disconnectReason: event.disconnectReason,
        versionNumber: event.versionNumber,
      };
    case 'connect_failed':
      return { ...head, connectFailureReason: 'AUTHORIZATION_FAILED', ...identity, ipAddress: event.ipAddress };
    default:
      return { ...head, ...identity, topics: event.topics };
  }
}
