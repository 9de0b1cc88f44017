import { adaptConnect } from '../mqtt/connect-adaptation.ts';
import { type ConnectPacket, decodeConnect } from '../mqtt/connect-packet.ts';
import type { ProtocolVersion } from '../mqtt/control-packet.ts';
import { encodeClientDisconnect } from '../mqtt/disconnect-packet.ts';
import { sessionIntentOf } from '../mqtt/session-intent.ts';
import type { Assignment } from '../plan/assignment.ts';
import { type DeviceIdentity, type DeviceKey, deviceKeyOf } from '../plan/device-key.ts';
import type { ClaimAnswer } from '../session/session-registry.ts';
import { askBroker, connectOutcome } from './broker-answer.ts';
import { withCredentials } from './broker-credentials.ts';
import { brokerTerms, cohortOf, connectQuestion, fallbackOf } from './broker-question.ts';
import { judgeClientId } from '../plan/client-id-policy.ts';
import type { Candidate, ConnectionContext } from './connection-context.ts';
import {
  closeUnanswered,
  type Refusal,
  refusalOfDecoding,
  refuse,
  refuseCredentials,
  refuseObstacle,
  refuseUnanswered,
} from './connection-refusal.ts';
import { DeviceIntake } from './device-intake.ts';
import type { AcceptedDevice } from './device-listener.ts';
import { flushLingerMs, type GatewayPorts } from './gateway-ports.ts';
import { PendingLeg } from './pending-leg.ts';
import { type Attachment, attach } from './session-attachment.ts';
import { closeAfterFlush, closedWithin } from './socket-closing.ts';
import type { UpstreamDevice } from './upstream-connector.ts';

/**
 * The stages of a connection behind accept and TLS (`device-listener.ts`), in order. Each may assume what the ones
 * before it made sure of, and the stage that refuses is the one that answers the device:
 *
 * 1. first packet — one exact CONNECT within firstPacketMs and connectPacketBytes, else the connection is closed;
 * 2. meaning — strictly decoded, client ID within the policy, no enhanced authentication, else CONNACK in the device's version;
 * 3. assignment — the plan in force names the broker (`desired`); no I/O;
 * 4. claim — the registry ended an older leg, knows the session's home and what the target cannot carry, and gave a
 *    connect token; the CONNECT can be adapted to that broker;
 * 5. broker — dialled, an earlier session ended where CONNECT has no words for it, the adapted CONNECT sent, its first
 *    packet is a CONNACK; all within brokerAnswerMs of 1;
 * 6. relay — the device gets its own CONNACK; with code 0 the session is live from here on.
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
  const refusal = refusalOf(device, connect, context);
  if (refusal !== undefined) {
    refuse(device, context, refusal);
    return;
  }
  const leg = new PendingLeg(connection, device.socket, context.limits.brokerAnswerMs);
  intake.onGone = () => leg.abort('gone');
  context.pendingLegs.set(connection, leg);
  try {
    await findBroker({ device, connect, intake, leg }, context);
  } finally {
    leg.finish();
    context.pendingLegs.delete(connection);
  }
}

/**
 * Why a CONNECT that was understood is refused; undefined: it is not. Enhanced authentication is an exchange of AUTH
 * packets before CONNACK, which nothing here relays: the device hears so instead of a broker being blamed for its AUTH.
 */
function refusalOf(device: AcceptedDevice, connect: ConnectPacket, context: ConnectionContext): Refusal | undefined {
  const { protocol, clientId } = connect;
  if (connect.authenticationMethod !== undefined) {
    return { reason: 'authentication-method', protocol, connack: 'bad-authentication-method', clientId };
  }
  if (isClientIdAllowed(device, connect, context)) return undefined;
  return { reason: 'client-id', protocol, connack: 'client-id', clientId };
}

/** Stages 3 and 4. */
async function findBroker(candidate: Candidate, context: ConnectionContext): Promise<void> {
  const { leg, connect } = candidate;
  const { ports, settings } = context;
  const identity = identityOf(candidate);
  const snapshot = ports.snapshot();
  const assignment = snapshot.assign(identity);
  const cohort = cohortOf(snapshot, assignment);
  leg.revision = assignment.revision;
  const claim = await claimSession(candidate, { assignment, cohort }, context);
  if (claim === undefined || !claim.granted) {
    refuseUnanswered(candidate, assignment.broker, claim?.reason, context);
    return;
  }
  leg.epoch = claim.epoch;
  if (claim.tookOver) ports.metrics.takeovers.inc();
  const { broker } = claim;
  const device = upstreamDeviceOf(candidate, assignment, deviceKeyOf(identity, snapshot.plan.identity));
  const question = connectQuestion(connect, brokerTerms(settings, broker), claim);
  const presented = await withCredentials(question, { broker, device }, context);
  const adapted = presented.ok ? adaptConnect(presented.value) : undefined;
  if (adapted?.ok === true) {
    const wish = { identity, assignment, cohort, claim, question, adapted: adapted.value, device };
    if (await isAttached(candidate, wish, context)) return;
  }
  if (connect.clientId !== '') ports.registry.ended(connect.clientId, claim.epoch, false);
  if (!presented.ok) refuseCredentials(candidate, { broker, fault: presented.error }, context);
  else if (adapted?.ok === false) refuseObstacle(candidate, { broker, cohort, ...adapted.error }, context);
}

/** Stages 5 and 6. False when no broker gave a CONNACK: the device has been refused then, the claim is still held. */
async function isAttached(
  candidate: Candidate,
  wish: Omit<Attachment, 'upstream' | 'answer'>,
  context: ConnectionContext,
): Promise<boolean> {
  const { device } = wish;
  const { broker } = wish.claim;
  const { packet, protocol, purge } = wish.adapted;
  const isClear =
    purge === undefined || (await isPurged(candidate, { broker, device, packet: purge, protocol }, context));
  if (!isClear) return false;
  const asked = await ask(candidate, { broker, device, packet, protocol }, context);
  if (asked === undefined) return false;
  candidate.leg.settle();
  attach(candidate, { ...wish, ...asked }, context);
  return true;
}

/** One CONNECT to be sent to a broker. */
interface BrokerRequest {
  readonly broker: string;
  readonly device: UpstreamDevice;
  readonly packet: Buffer;
  readonly protocol: ProtocolVersion;
}

/** A broker's CONNACK, and the connection that it came over; undefined when there is none: the device has been refused. */
async function ask(
  candidate: Candidate,
  request: BrokerRequest,
  context: ConnectionContext,
): Promise<Pick<Attachment, 'upstream' | 'answer'> | undefined> {
  const { leg } = candidate;
  const { broker } = request;
  const connected = await dial(candidate, request, context);
  if (!connected.ok) {
    refuseUnanswered(candidate, broker, connected.error, context);
    return undefined;
  }
  const upstream = connected.value;
  const answer = await askBroker(upstream.socket, request, leg.signal);
  upstream.reportOutcome(connectOutcome(answer));
  if (answer.kind === 'connack' && leg.end === undefined) return { upstream, answer };
  const closed = closeUnanswered(upstream, leg, { broker, parked: context.parked });
  refuseUnanswered(candidate, broker, answer.kind === 'failed' ? answer.reason : undefined, context);
  await closed;
  return undefined;
}

/**
 * Ends an earlier session by a connection of its own, before the one that the device wants: the claim's token is used
 * here, and that one gets another. A broker that refuses it will refuse the device too, in its own words.
 */
async function isPurged(candidate: Candidate, request: BrokerRequest, context: ConnectionContext): Promise<boolean> {
  const { leg, connect } = candidate;
  const { broker } = request;
  const { registry, metrics } = context.ports;
  const asked = await ask(candidate, request, context);
  if (asked === undefined) return false;
  const { socket } = asked.upstream;
  metrics.connects.inc({ broker, result: asked.answer.connack.code === 0 ? 'purged' : 'purge-failed' });
  closeAfterFlush(socket, flushLingerMs, encodeClientDisconnect());
  await Promise.race([closedWithin(socket, flushLingerMs), whenAborted(leg.signal)]);
  const wish = { broker, clientId: connect.clientId, hasConnected: true };
  const hasToken = leg.end === undefined && (await registry.connectToken(wish, leg.signal));
  if (leg.end === undefined && hasToken) return true;
  refuseUnanswered(candidate, broker, leg.end === undefined ? 'rate' : undefined, context);
  await leg.whenClosed(socket, broker);
  return false;
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
  { assignment, cohort }: Pick<Attachment, 'assignment' | 'cohort'>,
  { ports }: ConnectionContext,
): Promise<ClaimAnswer | undefined> {
  const { clientId } = connect;
  const fallback = fallbackOf(cohort);
  const request = {
    clientId,
    connection: leg.connection,
    intent: sessionIntentOf(connect),
    desired: assignment.broker,
    ...(fallback !== undefined && { fallback }),
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
  { leg, connect: { clientId } }: Candidate,
  { broker, device }: BrokerRequest,
  { ports, limits }: ConnectionContext,
): ReturnType<GatewayPorts['upstream']['connect']> {
  return ports.upstream.connect({
    broker,
    device,
    connectToken: () => ports.registry.connectToken({ broker, clientId }, leg.signal),
    timeoutMs: limits.brokerAnswerMs,
    signal: leg.signal,
  });
}

function upstreamDeviceOf(
  { device, connect }: Candidate,
  { key }: Assignment,
  deviceKey: DeviceKey | undefined,
): UpstreamDevice {
  const fingerprint = device.certificate?.fingerprint;
  return {
    rendezvousKey: key ?? (connect.clientId === '' ? device.peer.remoteAddress : connect.clientId),
    ...device.peer,
    ...(device.certificate?.commonName === undefined ? {} : { commonName: device.certificate.commonName }),
    ...(device.tlsVersion === undefined ? {} : { tlsVersion: device.tlsVersion }),
    certificateVerified: device.certificateVerified,
    identity: {
      clientId: connect.clientId,
      isProven: device.certificate !== undefined,
      ...(deviceKey !== undefined && { key: deviceKey }),
      ...(fingerprint !== undefined && { fingerprint }),
    },
  };
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
