import { type ConnectPacket, decodeConnect } from '../mqtt/connect-packet.ts';
import { sessionIntentOf } from '../mqtt/session-intent.ts';
import type { Assignment } from '../plan/assignment.ts';
import type { DeviceIdentity } from '../plan/device-key.ts';
import type { ClaimAnswer } from '../session/session-registry.ts';
import { askBroker } from './broker-answer.ts';
import { judgeClientId } from './client-id-policy.ts';
import type { Candidate, ConnectionContext } from './connection-context.ts';
import {
  closeUnanswered,
  type Refusal,
  refusalOfDecoding,
  refuse,
  refuseCredentials,
  refuseUnanswered,
} from './connection-refusal.ts';
import { judgeCredentials } from './credential-policy.ts';
import { DeviceIntake } from './device-intake.ts';
import type { AcceptedDevice } from './device-listener.ts';
import type { GatewayPorts } from './gateway-ports.ts';
import { PendingLeg } from './pending-leg.ts';
import { type Attachment, attach } from './session-attachment.ts';
import type { UpstreamDevice } from './upstream-connector.ts';

/**
 * The stages of a connection behind accept and TLS (`device-listener.ts`), in order. Each may assume what the ones
 * before it made sure of, and the stage that refuses is the one that answers the device:
 *
 * 1. first packet — one exact CONNECT within firstPacketMs and connectPacketBytes, else the connection is closed;
 * 2. meaning — strictly decoded, client ID within the policy, no enhanced authentication, else CONNACK in the device's version;
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
  const refusal = refusalOf(device, connect, context);
  if (refusal !== undefined) {
    refuse(device, context, refusal);
    return;
  }
  const leg = new PendingLeg(connection, device.socket, context.limits.brokerAnswerMs);
  intake.onGone = () => leg.abort('gone');
  context.pendingLegs.set(connection, leg);
  try {
    await findBroker({ device, connect, packet: first.packet, intake, leg }, context);
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
  const assignment = ports.snapshot().assign(identity);
  leg.revision = assignment.revision;
  const claim = await claimSession(candidate, assignment, context);
  if (claim === undefined || !claim.granted) {
    refuseUnanswered(candidate, assignment.broker, claim?.reason, context);
    return;
  }
  leg.epoch = claim.epoch;
  if (claim.tookOver) ports.metrics.takeovers.inc();
  const traits = settings.brokers?.[claim.broker];
  const fault = traits === undefined ? undefined : judgeCredentials(connect, traits);
  if (fault === undefined && (await isAttached(candidate, { identity, assignment, claim }, context))) return;
  if (connect.clientId !== '') ports.registry.ended(connect.clientId, claim.epoch, false);
  if (fault !== undefined) refuseCredentials(candidate, { broker: claim.broker, fault }, context);
}

/** Stages 5 and 6. False when no broker gave a CONNACK: the device has been refused then, the claim is still held. */
async function isAttached(
  candidate: Candidate,
  wish: Pick<Attachment, 'identity' | 'assignment' | 'claim'>,
  context: ConnectionContext,
): Promise<boolean> {
  const { leg, connect, packet } = candidate;
  const { broker } = wish.claim;
  const connected = await dial(candidate, { broker, assignment: wish.assignment }, context);
  if (!connected.ok) {
    refuseUnanswered(candidate, broker, connected.error, context);
    return false;
  }
  const upstream = connected.value;
  const answer = await askBroker(upstream.socket, { packet, protocol: connect.protocol }, leg.signal);
  const isBrokersFault = answer.kind !== 'connack' && leg.end !== 'gone' && leg.end !== 'superseded';
  upstream.reportOutcome(isBrokersFault ? 'failed' : 'answered');
  if (answer.kind === 'connack' && leg.end === undefined) {
    leg.settle();
    attach(candidate, { ...wish, upstream, answer }, context);
    return true;
  }
  const closed = closeUnanswered(upstream, leg, { broker, parked: context.parked });
  refuseUnanswered(candidate, broker, answer.kind === 'failed' ? answer.reason : undefined, context);
  await closed;
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
