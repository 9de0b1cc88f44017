import { type ConnackRefusal, encodeConnackRefusal } from '../mqtt/connack-packet.ts';
import type { ConnectRefusal } from '../mqtt/connect-packet.ts';
import type { ProtocolVersion } from '../mqtt/control-packet.ts';
import { encodeClientDisconnect } from '../mqtt/disconnect-packet.ts';
import type { Cohort } from '../plan/plan.ts';
import type { ConnectionRefusal } from './admission.ts';
import { assessedClient, type ConnectObstacle } from './broker-question.ts';
import type { Candidate, ConnectionContext } from './connection-context.ts';
import type { CredentialFault } from './credential-policy.ts';
import type { AcceptedDevice } from './device-listener.ts';
import { flushLingerMs } from './gateway-ports.ts';
import type { ParkedUpstreams } from './parked-upstreams.ts';
import type { PendingLeg } from './pending-leg.ts';
import { closeAfterFlush } from './socket-closing.ts';
import type { UpstreamConnection, UpstreamFailure } from './upstream-connector.ts';

/** Why no broker is asked, and what the device hears; without `protocol` and `connack` it is only closed. */
export interface Refusal {
  readonly reason: ConnectionRefusal;
  readonly protocol?: ProtocolVersion;
  readonly connack?: ConnackRefusal;
  readonly clientId?: string;
  readonly message?: string;
}

/** How a CONNECT that was not understood is answered, in the version that could be read of it. */
export function refusalOfDecoding({ kind, level, message }: ConnectRefusal): Refusal {
  const protocol = answeredIn(kind, level);
  const reason = kind === 'unsupported-version' ? 'version' : kind === 'client-id' ? 'client-id' : 'malformed';
  return { reason, connack: kind, message, ...(protocol === undefined ? {} : { protocol }) };
}

/** A version that nobody knows is answered in the words that every version's clients read: CONNACK 1 [MQTT-3.1.2-2] of 3.1.1. */
function answeredIn(kind: ConnectRefusal['kind'], level: number): ProtocolVersion | undefined {
  if (kind === 'unsupported-version') return '3.1.1';
  return level === 0 ? undefined : level >= 5 ? '5' : '3.1.1';
}

/** Refuses a device before a broker was asked. */
export function refuse(device: AcceptedDevice, context: ConnectionContext, refusal: Refusal): void {
  const { listener, peer, socket } = device;
  context.admission.countRefusal(listener.name, refusal.reason);
  const { reason, message, clientId } = refusal;
  context.ports.log.debug({ listener: listener.name, ...peer, reason, problem: message, clientId }, 'device refused');
  const { protocol, connack } = refusal;
  const bytes = protocol === undefined || connack === undefined ? undefined : encodeConnackRefusal(protocol, connack);
  if (bytes === undefined) socket.destroy();
  else closeAfterFlush(socket, flushLingerMs, bytes);
}

/** The broker that the session belongs on must not see what the device sent as its credentials. */
export function refuseCredentials(
  { device, connect, intake }: Candidate,
  { broker, fault }: { readonly broker: string; readonly fault: CredentialFault },
  context: ConnectionContext,
): void {
  intake.release();
  const { protocol, clientId } = connect;
  context.occasionalLog.warn(`${fault} ${broker}`, { broker, fault }, 'credentials are not forwarded');
  refuse(device, context, { reason: 'credentials', protocol, connack: 'not-authorized', clientId, message: fault });
}

/**
 * The CONNECT itself is more than the broker can take. On its cohort's target that is remembered, so that the device's
 * next CONNECT goes to the source.
 */
export function refuseObstacle(
  { device, connect, intake }: Candidate,
  refused: { readonly broker: string; readonly cohort: Cohort | undefined } & ConnectObstacle,
  context: ConnectionContext,
): void {
  const { broker, cohort, obstacle, message } = refused;
  const { protocol, clientId } = connect;
  intake.release();
  const client = assessedClient(clientId, cohort);
  if (client?.target === broker) {
    context.ports.assessments?.found(client, { verdict: 'cannot', kind: obstacle, example: message });
  }
  context.occasionalLog.warn(`${obstacle} ${broker}`, { broker, obstacle }, 'a broker cannot take a CONNECT');
  const connack = obstacle === 'enhanced-authentication' ? 'bad-authentication-method' : 'unavailable';
  refuse(device, context, { reason: 'obstacle', protocol, connack, clientId, message });
}

/**
 * The upstream leg of a CONNECT whose answer nobody waits for any more. Resolves when the client ID may go elsewhere:
 * the broker may still act upon the CONNECT until the connection is closed.
 */
export function closeUnanswered(
  { socket }: UpstreamConnection,
  leg: PendingLeg,
  { broker, parked }: { readonly broker: string; readonly parked: ParkedUpstreams },
): Promise<void> {
  if (leg.end !== 'superseded') closeAfterFlush(socket, flushLingerMs);
  else if (leg.newBroker === undefined || leg.newBroker === broker) parked.park(leg.connection, socket, true);
  else closeAfterFlush(socket, flushLingerMs, encodeClientDisconnect());
  parked.watch(leg.connection, socket);
  return leg.whenClosed(socket, broker);
}

/** What became of the search for a broker; undefined: the leg itself was aborted, and says why. */
export type Unanswered = 'rate' | 'superseded' | 'closed' | 'not-connack' | UpstreamFailure | undefined;

/** No broker answered: the device hears so in its own version, unless it went away or came back on a newer connection. */
export function refuseUnanswered(
  candidate: Candidate,
  broker: string,
  cause: Unanswered,
  context: ConnectionContext,
): void {
  const { device, connect, intake, leg } = candidate;
  intake.release();
  const result = leg.end ?? (typeof cause === 'object' ? cause.code : (cause ?? 'closed'));
  context.ports.metrics.connects.inc({ broker, result });
  if (result === 'gone' || result === 'superseded' || result === 'aborted') {
    device.socket.destroy();
    return;
  }
  const details = { broker, result, ...(typeof cause === 'object' ? { problem: cause.message } : {}) };
  context.occasionalLog.warn(`unanswered ${broker}`, details, 'a broker did not answer a CONNECT');
  context.ports.log.debug(
    { ...details, clientId: connect.clientId, address: device.peer.remoteAddress },
    'device refused',
  );
  closeAfterFlush(device.socket, flushLingerMs, encodeConnackRefusal(connect.protocol, 'unavailable'));
}
