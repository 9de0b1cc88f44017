import { type ConnackRefusal, encodeConnackRefusal } from '../mqtt/connack-packet.ts';
import { type ConnectPacket, type ConnectRefusal, decodeConnect } from '../mqtt/connect-packet.ts';
import type { ProtocolVersion } from '../mqtt/control-packet.ts';
import { encodeClientDisconnect } from '../mqtt/disconnect-packet.ts';
import { isPersistent, sessionIntentOf } from '../mqtt/session-intent.ts';
import type { Assignment } from '../plan/assignment.ts';
import type { DeviceIdentity } from '../plan/device-key.ts';
import type { ClaimAnswer } from '../session/session-registry.ts';
import type { Admission, ConnectionRefusal } from './admission.ts';
import { askBroker, type BrokerAnswer } from './broker-answer.ts';
import { judgeClientId } from './client-id-policy.ts';
import { type CredentialFault, judgeCredentials } from './credential-policy.ts';
import { DeviceIntake } from './device-intake.ts';
import type { AcceptedDevice } from './device-listener.ts';
import {
  flushLingerMs,
  type GatewayLimits,
  type GatewayPorts,
  type GatewaySettings,
  takeoverLingerMs,
} from './gateway-ports.ts';
import type { OccasionalLog } from './occasional-log.ts';
import { PendingLeg } from './pending-leg.ts';
import { Relay, type RelayHost } from './relay.ts';
import type { SessionTable } from './session-table.ts';
import { abandonToPeer, closeAfterFlush } from './socket-closing.ts';
import type { UpstreamConnection, UpstreamDevice, UpstreamFailure } from './upstream-connector.ts';

/** What all connections of a worker share. */
export interface ConnectionContext {
  readonly settings: GatewaySettings;
  readonly limits: GatewayLimits;
  readonly ports: GatewayPorts;
  readonly admission: Admission;
  readonly occasionalLog: OccasionalLog;
  readonly sessions: SessionTable;
  /** Connections between CONNECT and the broker's answer, by connection number. */
  readonly pendingLegs: Map<number, PendingLeg>;
  readonly relayHost: RelayHost;
}

/**
 * The stages of a connection behind accept and TLS (`device-listener.ts`), in order. Each may assume what the ones
 * before it made sure of, and the stage that refuses is the one that answers the device:
 *
 * 1. first packet — one exact CONNECT within firstPacketMs and connectPacketBytes, else the connection is closed;
 * 2. meaning — strictly decoded, client ID within the policy, else CONNACK in the device's version;
 * 3. assignment — the plan in force names the broker (`desired`); no I/O;
 * 4. claim — the registry ended an older leg, knows the session's home and gave a connect token;
 * 5. broker — dialled, CONNECT sent as it came, its first packet is a CONNACK; all within brokerAnswerMs of 1;
 * 6. relay — the CONNACK goes to the device unchanged; with code 0 the session is live from here on.
 */
export async function serveDevice(
  device: AcceptedDevice,
  connection: number,
  context: ConnectionContext,
): Promise<void> {
  const intake = new DeviceIntake(device.socket, context.limits);
  const first = await intake.receiveConnect(context.limits.firstPacketMs);
  context.admission.settle(device.raw);
  if (!first.ok) {
    refuse(device, context, { reason: first.reason });
    return;
  }
  const decoded = decodeConnect(first.packet);
  if (!decoded.ok) {
    refuse(device, context, refusalOfDecoding(decoded.error));
    return;
  }
  const connect = decoded.value;
  if (!isClientIdAllowed(device, connect, context)) {
    refuse(device, context, {
      reason: 'client-id',
      protocol: connect.protocol,
      connack: 'client-id',
      clientId: connect.clientId,
    });
    return;
  }
  const leg = new PendingLeg(connection, device.socket, context.limits.brokerAnswerMs);
  intake.onGone = () => leg.abort('gone');
  context.pendingLegs.set(connection, leg);
  try {
    await findBroker({ device, connect, packet: first.packet, intake, leg }, context);
  } finally {
    leg.settle();
    context.pendingLegs.delete(connection);
  }
}

interface Candidate {
  readonly device: AcceptedDevice;
  readonly connect: ConnectPacket;
  /** The exact bytes of CONNECT. */
  readonly packet: Buffer;
  readonly intake: DeviceIntake;
  readonly leg: PendingLeg;
}

interface Refusal {
  readonly reason: ConnectionRefusal;
  readonly protocol?: ProtocolVersion;
  readonly connack?: ConnackRefusal;
  readonly clientId?: string;
  readonly message?: string;
}

/** Stages 3 to 6. */
async function findBroker(candidate: Candidate, context: ConnectionContext): Promise<void> {
  const identity = identityOf(candidate);
  const assignment = context.ports.snapshot().assign(identity);
  candidate.leg.revision = assignment.revision;
  const claim = await claimSession(candidate, assignment, context);
  if (claim === undefined || !claim.granted) {
    refuseUnanswered(candidate, assignment.broker, claim === undefined ? undefined : claim.reason, context);
    return;
  }
  const { leg, connect } = candidate;
  leg.epoch = claim.epoch;
  if (claim.tookOver) context.ports.metrics.takeovers.inc();
  const endClaim = () => {
    if (connect.clientId !== '') context.ports.registry.ended(connect.clientId, claim.epoch, false);
  };
  const fault = credentialFault(connect, claim.broker, context.settings);
  if (fault !== undefined) {
    endClaim();
    candidate.intake.release();
    const { protocol, clientId } = connect;
    context.occasionalLog.warn(
      `${fault} ${claim.broker}`,
      { broker: claim.broker, fault },
      'credentials are not forwarded',
    );
    refuse(candidate.device, context, {
      reason: 'credentials',
      protocol,
      connack: 'not-authorized',
      clientId,
      message: fault,
    });
    return;
  }
  const connected = await dial(candidate, { broker: claim.broker, assignment }, context);
  if (!connected.ok) {
    endClaim();
    refuseUnanswered(candidate, claim.broker, connected.error, context);
    return;
  }
  const upstream = connected.value;
  const answer = await askBroker(upstream.socket, { packet: candidate.packet, protocol: connect.protocol }, leg.signal);
  upstream.reportOutcome(
    answer.kind === 'connack' || leg.end === 'gone' || leg.end === 'superseded' ? 'answered' : 'failed',
  );
  if (answer.kind === 'connack' && leg.end === undefined) {
    leg.settle();
    attach(candidate, { identity, assignment, claim, upstream, answer }, context);
    return;
  }
  endClaim();
  closeUnanswered(upstream, leg, claim.broker);
  refuseUnanswered(candidate, claim.broker, answer.kind === 'failed' ? answer.reason : undefined, context);
}

function credentialFault(
  connect: ConnectPacket,
  broker: string,
  { brokers }: GatewaySettings,
): CredentialFault | undefined {
  const traits = brokers?.[broker];
  return traits === undefined ? undefined : judgeCredentials(connect, traits);
}

function identityOf({ device, connect }: Candidate): DeviceIdentity {
  return {
    ...(device.certificate === undefined ? {} : { certificate: device.certificate }),
    clientId: connect.clientId,
    ...(connect.username === undefined ? {} : { username: connect.username }),
  };
}

/** The registry's answer, or undefined when the leg was aborted first; a grant that comes after that is given back. */
async function claimSession(
  { connect, leg }: Candidate,
  assignment: Assignment,
  { ports }: ConnectionContext,
): Promise<ClaimAnswer | undefined> {
  const { clientId } = connect;
  const request = {
    clientId,
    connection: leg.connection,
    intent: sessionIntentOf(connect),
    desired: assignment.broker,
  };
  const claim = ports.registry.claim(request, leg.signal);
  const answer = await Promise.race([claim, whenAborted(leg.signal)]);
  if (answer !== undefined && leg.end === undefined) return answer;
  void claim.then((late) => {
    if (late.granted && clientId !== '') ports.registry.ended(clientId, late.epoch, false);
  });
  return undefined;
}

function whenAborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}

function dial(
  { device, connect, leg }: Candidate,
  { broker, assignment }: { readonly broker: string; readonly assignment: Assignment },
  { ports, limits }: ConnectionContext,
): ReturnType<GatewayPorts['upstream']['connect']> {
  const upstreamDevice: UpstreamDevice = {
    rendezvousKey: assignment.key ?? (connect.clientId === '' ? device.peer.remoteAddress : connect.clientId),
    ...device.peer,
    ...(device.certificate?.commonName === undefined ? {} : { commonName: device.certificate.commonName }),
    ...(device.tlsVersion === undefined ? {} : { tlsVersion: device.tlsVersion }),
    certificateVerified: device.certificateVerified,
  };
  return ports.upstream.connect({
    broker,
    device: upstreamDevice,
    connectToken: () => ports.registry.connectToken(broker, leg.signal),
    timeoutMs: limits.brokerAnswerMs,
    signal: leg.signal,
  });
}

interface Attachment {
  readonly identity: DeviceIdentity;
  readonly assignment: Assignment;
  readonly claim: Extract<ClaimAnswer, { readonly granted: true }>;
  readonly upstream: UpstreamConnection;
  readonly answer: Extract<BrokerAnswer, { readonly kind: 'connack' }>;
}

/** Stage 6: from here on the sockets belong to the relay, and this chain is over. */
function attach(candidate: Candidate, attachment: Attachment, context: ConnectionContext): void {
  const { device, connect, intake, leg } = candidate;
  const { claim, upstream, answer } = attachment;
  const { ports, sessions } = context;
  const isAccepted = answer.connack.code === 0;
  ports.metrics.connects.inc({ broker: claim.broker, result: isAccepted ? 'accepted' : 'refused' });
  const early = intake.release();
  if (!isAccepted) {
    if (connect.clientId !== '') ports.registry.ended(connect.clientId, claim.epoch, false);
    closeAfterFlush(device.socket, flushLingerMs, answer.packet);
    closeAfterFlush(upstream.socket, flushLingerMs);
    return;
  }
  const snapshot = ports.snapshot();
  const isCurrent = snapshot.revision === attachment.assignment.revision;
  const sessionExpiryInterval = answer.connack.sessionExpiryInterval ?? connect.sessionExpiryInterval;
  const relay = new Relay(
    {
      connection: leg.connection,
      epoch: claim.epoch,
      clientId: connect.clientId === '' ? (answer.connack.assignedClientId ?? '') : connect.clientId,
      isClaimed: connect.clientId !== '',
      identity: attachment.identity,
      assignment: isCurrent ? attachment.assignment : snapshot.assign(attachment.identity),
      home: claim.broker,
      protocol: connect.protocol,
      sessionExpiryInterval,
      since: ports.clock.wallMs(),
      listener: device.listener.name,
      maxPacketBytes: device.listener.maxPacketBytes,
    },
    { device: device.socket, upstream: upstream.socket },
    context.relayHost,
  );
  sessions.add(relay);
  if (connect.clientId !== '') {
    const persistent = isPersistent({ sessionExpiryInterval });
    const { clientId } = connect;
    ports.registry.attached({
      clientId,
      connection: leg.connection,
      epoch: claim.epoch,
      broker: claim.broker,
      persistent,
    });
  }
  device.socket.write(answer.packet);
  relay.start({ fromBroker: answer.rest, ...early });
}

/** The upstream leg of a CONNECT whose answer nobody waits for any more. */
function closeUnanswered({ socket }: UpstreamConnection, leg: PendingLeg, broker: string): void {
  if (leg.end !== 'superseded') closeAfterFlush(socket, flushLingerMs);
  else if (leg.newBroker === undefined || leg.newBroker === broker) abandonToPeer(socket, takeoverLingerMs);
  else closeAfterFlush(socket, flushLingerMs, encodeClientDisconnect());
}

type Unanswered = 'rate' | 'superseded' | 'closed' | 'not-connack' | UpstreamFailure | undefined;

/** No broker answered: the device hears so in its own version, unless it went away or came back on a newer connection. */
function refuseUnanswered(candidate: Candidate, broker: string, cause: Unanswered, context: ConnectionContext): void {
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

function isClientIdAllowed(
  device: AcceptedDevice,
  { clientId }: ConnectPacket,
  { settings, ports }: ConnectionContext,
): boolean {
  const policy = settings.clientIdPolicy;
  const judgement = judgeClientId(policy, clientId, device.certificate?.commonName);
  if (judgement !== 'bound') ports.metrics.clientIdPolicyViolations.inc({ policy });
  return judgement !== 'refused';
}

function refusalOfDecoding({ kind, level, message }: ConnectRefusal): Refusal {
  const protocol = level === 0 ? undefined : level >= 5 ? '5' : '3.1.1';
  const reason = kind === 'unsupported-version' ? 'version' : kind === 'client-id' ? 'client-id' : 'malformed';
  return { reason, connack: kind, message, ...(protocol === undefined ? {} : { protocol }) };
}

function refuse(device: AcceptedDevice, context: ConnectionContext, refusal: Refusal): void {
  const { listener, peer, socket } = device;
  context.admission.countRefusal(listener.name, refusal.reason);
  const { reason, message, clientId } = refusal;
  context.ports.log.debug({ listener: listener.name, ...peer, reason, problem: message, clientId }, 'device refused');
  const { protocol, connack } = refusal;
  const bytes = protocol === undefined || connack === undefined ? undefined : encodeConnackRefusal(protocol, connack);
  if (bytes === undefined) socket.destroy();
  else closeAfterFlush(socket, flushLingerMs, bytes);
}
