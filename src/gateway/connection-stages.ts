import { adaptConnect } from '../mqtt/connect-adaptation.ts';
import { type ConnectPacket, decodeConnect } from '../mqtt/connect-packet.ts';
import { sessionIntentOf } from '../mqtt/session-intent.ts';
import type { Assignment } from '../plan/assignment.ts';
import { type DeviceIdentity, type DeviceKey, deviceKeyOf } from '../plan/device-key.ts';
import { judgeClientId } from '../plan/client-id-policy.ts';
import type { Cohort } from '../plan/plan.ts';
import type { ClaimAnswer } from '../session/session-registry.ts';
import { attemptBroker, whenAborted } from './broker-attempt.ts';
import { withCredentials } from './broker-credentials.ts';
import { brokerTerms, type Claim, cohortOf, connectQuestion, fallbackOf } from './broker-question.ts';
import type { Candidate, ConnectionContext } from './connection-context.ts';
import {
  type Refusal,
  refusalOfDecoding,
  refuse,
  refuseCredentials,
  refuseObstacle,
  refuseUnanswered,
} from './connection-refusal.ts';
import { DeviceIntake } from './device-intake.ts';
import type { AcceptedDevice } from './device-listener.ts';
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
 * 4. claim — the registry ended an older leg, knows the session's home and what the target cannot carry, and gave a
 *    connect token; the CONNECT can be adapted to that broker;
 * 5. broker (`broker-attempt.ts`) — dialled, an earlier session ended where CONNECT has no words for it, the adapted
 *    CONNECT sent, its first packet is a CONNACK; where a target does not know the device yet, the same at the source; all
 *    within brokerAnswerMs of 1;
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
    await findBroker({ device, connect, intake, leg, atMs: context.ports.clock.monotonicMs() }, context);
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

/** Stages 3 and 4, and the rest at the broker that is found. */
async function findBroker(candidate: Candidate, context: ConnectionContext): Promise<void> {
  const { leg, connect } = candidate;
  const { ports } = context;
  const identity = identityOf(candidate);
  const snapshot = ports.snapshot();
  const assignment = snapshot.assign(identity);
  const cohort = cohortOf(snapshot, assignment);
  leg.revision = assignment.revision;
  const device = upstreamDeviceOf(candidate, assignment, deviceKeyOf(identity, snapshot.plan.identity));
  const desired = await firstBroker(candidate, { broker: assignment.broker, device, cohort }, context);
  const claim = desired === undefined ? undefined : await claimSession(candidate, { desired, cohort }, context);
  if (claim === undefined || !claim.granted) {
    refuseUnanswered(candidate, desired ?? assignment.broker, desired === undefined ? 'rate' : claim?.reason, context);
    return;
  }
  leg.epoch = claim.epoch;
  if (claim.tookOver) ports.metrics.takeovers.inc();
  const source = sourceBeside(cohort, claim.broker);
  const wish = { identity, assignment, cohort, device };
  if ((await isSettledAt(candidate, { ...wish, claim, source }, context)) || source === undefined) return;
  if (await ports.registry.connectToken({ broker: source, clientId: connect.clientId }, leg.signal)) {
    await isSettledAt(candidate, { ...wish, claim: claimAtSource(claim, source), source: undefined }, context);
    return;
  }
  if (connect.clientId !== '') ports.registry.ended(connect.clientId, claim.epoch, false);
  refuseUnanswered(candidate, source, 'rate', context);
}

/**
 * Where the claim is to go: the plan's broker, or the source where that one is known not to know the device yet. Undefined:
 * there is no source, and no turn for a first contact has come in time.
 */
async function firstBroker(
  { leg }: Candidate,
  {
    broker,
    device,
    cohort,
  }: { readonly broker: string; readonly device: UpstreamDevice; readonly cohort: Cohort | undefined },
  { contacts }: ConnectionContext,
): Promise<string | undefined> {
  const source = sourceBeside(cohort, broker);
  const choice = contacts.arrive({ broker, device }, source !== undefined);
  if (choice === 'source') return source;
  if (choice === 'dial') return broker;
  const turn = Promise.withResolvers<string>();
  const takeBack = contacts.take(broker, () => turn.resolve(broker));
  const granted = await Promise.race([turn.promise, whenAborted(leg.signal)]);
  if (granted === undefined) takeBack();
  // What a close costs is paid when it comes.
  else contacts.giveBack(broker);
  return granted;
}

/** Stages 5 and 6 at the broker of the claim. False: it does not know the device, and the claim is still held. */
async function isSettledAt(
  candidate: Candidate,
  wish: Omit<Attachment, 'upstream' | 'answer' | 'question' | 'adapted'> & { readonly source: string | undefined },
  context: ConnectionContext,
): Promise<boolean> {
  const { connect } = candidate;
  const { claim, cohort, device, source } = wish;
  const { broker } = claim;
  const question = connectQuestion(connect, brokerTerms(context.settings, broker), claim);
  const presented = await withCredentials(question, { broker, device }, context);
  const adapted = presented.ok ? adaptConnect(presented.value) : undefined;
  if (adapted?.ok === true) {
    const isHome = claim.hasHome && sessionIntentOf(connect) === 'resume';
    const of = { broker, device, adapted: adapted.value, hasSource: source !== undefined, isHome };
    const attempt = await attemptBroker(candidate, of, context);
    if (attempt?.kind === 'turned-away') return false;
    if (attempt !== undefined) {
      candidate.leg.settle();
      attach(candidate, { ...wish, question, adapted: adapted.value, ...attempt }, context);
      return true;
    }
  }
  if (connect.clientId !== '') context.ports.registry.ended(connect.clientId, claim.epoch, false);
  if (!presented.ok) refuseCredentials(candidate, { broker, fault: presented.error }, context);
  else if (adapted?.ok === false) refuseObstacle(candidate, { broker, cohort, ...adapted.error }, context);
  return true;
}

/** The broker that has a device while the cohort's target does not know it. */
function sourceBeside(cohort: Cohort | undefined, broker: string): string | undefined {
  return cohort?.target === broker && cohort.source !== broker ? cohort.source : undefined;
}

/** The claim as it is answered at the source: what is kept of the session is the target's, or older than its stay there. */
function claimAtSource({ remains: _remains, isStale: _isStale, former = [], ...claim }: Claim, source: string): Claim {
  return {
    ...claim,
    broker: source,
    hasHome: false,
    former: former.filter((broker) => broker !== source),
    ...(former.includes(source) && { isStale: true }),
    ...(claim.hasHome && { leftAt: claim.broker }),
  };
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
  { desired, cohort }: Pick<Attachment, 'cohort'> & { readonly desired: string },
  { ports }: ConnectionContext,
): Promise<ClaimAnswer | undefined> {
  const { clientId } = connect;
  const fallback = fallbackOf(cohort);
  const request = {
    clientId,
    connection: leg.connection,
    intent: sessionIntentOf(connect),
    desired,
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
