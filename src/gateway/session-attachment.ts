import { packetLimit } from '../mqtt/broker-profiles.ts';
import { isPersistent, sessionIntentOf } from '../mqtt/session-intent.ts';
import type { Assignment } from '../plan/assignment.ts';
import type { DeviceIdentity } from '../plan/device-key.ts';
import type { ClaimAnswer } from '../session/session-registry.ts';
import type { BrokerAnswer } from './broker-answer.ts';
import type { Candidate, ConnectionContext } from './connection-context.ts';
import { flushLingerMs } from './gateway-ports.ts';
import { Relay } from './relay.ts';
import type { SessionRecord } from './session-record.ts';
import { closeAfterFlush } from './socket-closing.ts';
import type { UpstreamConnection } from './upstream-connector.ts';

/** A granted claim. */
export type Claim = Extract<ClaimAnswer, { readonly granted: true }>;

/** Everything that the stages found out, with a broker that gave its CONNACK. */
export interface Attachment {
  readonly identity: DeviceIdentity;
  readonly assignment: Assignment;
  readonly claim: Claim;
  readonly upstream: UpstreamConnection;
  readonly answer: Extract<BrokerAnswer, { readonly kind: 'connack' }>;
}

/** Gives the device its CONNACK. From here on the sockets belong to a relay, or are closing behind a refusal. */
export function attach(candidate: Candidate, attachment: Attachment, context: ConnectionContext): void {
  const { device, connect, intake } = candidate;
  const { claim, upstream, answer } = attachment;
  const { ports, sessions } = context;
  const { clientId } = connect;
  const isAccepted = answer.connack.code === 0;
  ports.metrics.connects.inc({ broker: claim.broker, result: isAccepted ? 'accepted' : 'refused' });
  const early = intake.release();
  if (!isAccepted) {
    if (clientId !== '') ports.registry.ended(clientId, claim.epoch, false);
    closeAfterFlush(device.socket, flushLingerMs, answer.packet);
    closeAfterFlush(upstream.socket, flushLingerMs);
    return;
  }
  const record = toRecord(candidate, attachment, context);
  const relay = new Relay(record, { device: device.socket, upstream: upstream.socket }, context.relayHost);
  sessions.add(relay);
  if (clientId !== '') {
    const { connection, epoch, home } = record;
    ports.registry.attached({ clientId, connection, epoch, broker: home, persistent: isPersistent(record) });
  }
  if (clientId === '' && record.clientId !== '') void adopt(relay, context);
  device.socket.write(answer.packet);
  relay.start({ fromBroker: answer.rest, ...early });
}

/**
 * Claims the client ID that a broker assigned (MQTT 5 section 3.2.2.3.7): the device may use it from now on, and then
 * comes back to this broker and takes over.
 */
async function adopt(relay: Relay, { ports }: ConnectionContext): Promise<void> {
  const { record } = relay;
  const { clientId, connection, home } = record;
  record.epoch = await ports.registry.adopt({ clientId, connection, broker: home, persistent: isPersistent(record) });
  if (relay.isOver) ports.registry.ended(clientId, record.epoch, record.sessionExpiryInterval === 0);
  else record.isClaimed = true;
}

/** The plan may have changed since the device was assigned: the newest one's word is kept. */
function toRecord(
  { device, connect, leg }: Candidate,
  { identity, assignment, claim, answer }: Attachment,
  { ports, settings }: ConnectionContext,
): SessionRecord {
  const snapshot = ports.snapshot();
  return {
    connection: leg.connection,
    epoch: claim.epoch,
    clientId: connect.clientId === '' ? (answer.connack.assignedClientId ?? '') : connect.clientId,
    isClaimed: connect.clientId !== '',
    identity,
    assignment: snapshot.revision === assignment.revision ? assignment : snapshot.assign(identity),
    home: claim.broker,
    protocol: connect.protocol,
    intent: sessionIntentOf(connect),
    sessionExpiryInterval: answer.connack.sessionExpiryInterval ?? connect.sessionExpiryInterval,
    since: ports.clock.wallMs(),
    listener: device.listener.name,
    maxPacketBytes: packetLimit(device.listener.maxPacketBytes, settings.brokers?.[claim.broker]?.profile),
  };
}
