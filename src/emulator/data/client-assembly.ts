import type { ConnectPacket } from '../../mqtt/connect-packet.ts';
import type { AdmittedClient } from '../account-gate.ts';
import { AcknowledgementDesk } from './acknowledgement-desk.ts';
import type { ApplicationMessage } from './application-message.ts';
import type { ClientConnection } from './client-connection.ts';
import type { ClientSession } from './client-session.ts';
import type { ConnectTerms } from './connect-judgement.ts';
import { type ClientHost, ConnectedClient } from './connected-client.ts';
import { Delivery } from './delivery.ts';
import type { StoredBytes } from './message-queue.ts';
import { PublishDesk } from './publish-desk.ts';
import { PublishRate } from './publish-rate.ts';
import { SlidingRate } from './sliding-rate.ts';

/** Who published; absent: the service itself, or the HTTPS API. */
export interface Publisher {
  readonly clientId: string;
  readonly principalId: string;
}

/** What all clients of the broker share. */
export interface SharedParts {
  readonly host: ClientHost;
  readonly stored: StoredBytes;
  readonly random: () => number;
  readonly publishesIn: SlidingRate;
  readonly publishesOut: SlidingRate;
  /** False: it could not be retained. */
  readonly publish: (message: ApplicationMessage, nowMs: number, publisher: Publisher) => boolean;
}

export interface AdmittedConnect {
  readonly connection: ClientConnection;
  readonly connect: ConnectPacket;
  readonly identity: AdmittedClient;
  readonly agreed: ConnectTerms;
  readonly session: ClientSession;
}

/** A client that was admitted, with its desks: what it publishes, what it is owed, what it gets. */
export function assembleClient(shared: SharedParts, admitted: AdmittedConnect, nowMs: number): ConnectedClient {
  const { host, random, stored } = shared;
  const { terms, agenda } = host;
  const { connection, connect, identity, agreed, session } = admitted;
  const { protocol, will } = connect;
  const { port } = connection;
  const rate = new SlidingRate(terms.profile.publishesPerSecond);
  const send = (bytes: Buffer) => port.send(bytes);
  const resume = (resumedMs: number) => connection.resume(resumedMs);
  const publisher = { clientId: agreed.clientId, principalId: identity.principalId };
  const acknowledgements = new AcknowledgementDesk({ protocol, terms, agenda, random, send, handleRelease: resume });
  const publishes = new PublishDesk({
    protocol,
    terms,
    agenda,
    rate: new PublishRate(rate, shared.publishesIn),
    acknowledgements,
    publish: (message, publishedMs) => shared.publish(message, publishedMs, publisher),
    resume,
  });
  const delivery = new Delivery({
    protocol,
    session,
    agreed,
    terms,
    agenda,
    stored,
    rate: new PublishRate(rate, shared.publishesOut),
    allows: (topic) => identity.allows('iot:Receive', topic),
    send,
    waitingBytes: () => port.waitingBytes,
    refuse: (reason, atMs) => host.refuse(reason, agreed.clientId, atMs),
  });
  const close = () => connection.close();
  return new ConnectedClient(
    { host, identity, protocol, agreed, session, will, delivery, publishes, send, close },
    nowMs,
  );
}
