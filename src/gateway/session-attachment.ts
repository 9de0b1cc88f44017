import { adaptConnack, type ConnackAdaptation } from '../mqtt/connack-adaptation.ts';
import type { ConnectQuestion, UpstreamConnect } from '../mqtt/connect-adaptation.ts';
import { decodeSubscriptions } from '../mqtt/remembered-subscriptions.ts';
import { sessionIntentOf } from '../mqtt/session-intent.ts';
import type { Assignment } from '../plan/assignment.ts';
import type { DeviceIdentity } from '../plan/device-key.ts';
import type { Cohort } from '../plan/plan.ts';
import type { BrokerAnswer } from './broker-answer.ts';
import { sessionEndEncoder } from './broker-credentials.ts';
import { assessedClient, type Claim, cohortOf, commonProfile } from './broker-question.ts';
import type { Candidate, ConnectionContext } from './connection-context.ts';
import { flushLingerMs } from './gateway-ports.ts';
import { type LegOrigin, legTerms } from './leg-dial.ts';
import { Relay } from './relay.ts';
import type { RelayOptions } from './relay-host.ts';
import { createAssessor } from './session-assessor.ts';
import { SessionFindings } from './session-findings.ts';
import { noteFormer, purgeAt } from './session-purge.ts';
import { outlivesConnection, placeOf, type SessionRecord } from './session-record.ts';
import { observeTopics } from './session-topics.ts';
import { closeAfterFlush } from './socket-closing.ts';
import type { UpstreamConnection, UpstreamDevice } from './upstream-connector.ts';

/** Everything that the stages found out, with a broker that gave its CONNACK. */
export interface Attachment {
  readonly identity: DeviceIdentity;
  readonly assignment: Assignment;
  /** The one whose weight decided. */
  readonly cohort: Cohort | undefined;
  readonly claim: Claim;
  /** With the device's own credentials. */
  readonly question: ConnectQuestion;
  /** With those that the broker gets. */
  readonly adapted: UpstreamConnect;
  readonly device: UpstreamDevice;
  readonly upstream: UpstreamConnection;
  readonly answer: Extract<BrokerAnswer, { readonly kind: 'connack' }>;
}

type Acceptance = Extract<ConnackAdaptation, { readonly accepted: true }>;
type EarlyBytes = Parameters<Relay['start']>[0];

/** Gives the device its CONNACK. From here on the sockets belong to a relay, or are closing behind a refusal. */
export function attach(candidate: Candidate, attachment: Attachment, context: ConnectionContext): void {
  const { device, connect, intake } = candidate;
  const { claim, upstream, answer } = attachment;
  const { ports } = context;
  const connack = answerForDevice(candidate, attachment, context);
  ports.metrics.connects.inc({ broker: claim.broker, result: connack.accepted ? 'accepted' : 'refused' });
  const early = { fromBroker: answer.rest, ...intake.release() };
  if (!connack.accepted) {
    if (connect.clientId !== '') ports.registry.ended(connect.clientId, claim.epoch, false);
    closeAfterFlush(device.socket, flushLingerMs, connack.packet);
    closeAfterFlush(upstream.socket, flushLingerMs);
    return;
  }
  countAdaptations(attachment, early, context);
  const record = toRecord(candidate, { ...attachment, connack }, context);
  const relay = createRelay(candidate, { ...attachment, connack, record, early }, context);
  const keepsSubscriptions = connack.upstreamTerms.sessionPresent && claim.remains?.subscriptions !== undefined;
  announce({ relay, keepsSubscriptions }, candidate, context);
  device.socket.write(connack.packet);
  relay.start(early);
  if (claim.leftAt !== undefined) noteFormer(claim.leftAt, relay, context);
  for (const broker of claim.former ?? []) if (broker !== claim.broker) purgeAt(broker, relay, context);
}

function answerForDevice(
  { device, connect }: Candidate,
  { claim, cohort, question, adapted, answer }: Attachment,
  { settings }: ConnectionContext,
): ConnackAdaptation {
  const common = commonProfile(settings, cohort, claim.broker);
  const { undeliverable } = settings.brokers?.[claim.broker] ?? {};
  return adaptConnack({
    question,
    upstream: adapted,
    connack: answer.connack,
    listenerMaxPacketBytes: device.listener.maxPacketBytes,
    recordedSession:
      claim.hasHome &&
      claim.heldBack === undefined &&
      !question.sessionExpired &&
      sessionIntentOf(connect) === 'resume',
    ...(common !== undefined && { common }),
    ...(undeliverable !== undefined && { undeliverable }),
  });
}

function countAdaptations(
  { adapted, question }: Attachment,
  { pipelined }: EarlyBytes,
  { relayHost }: ConnectionContext,
): void {
  for (const kind of adapted.adaptations) relayHost.adaptations.add(kind);
  if (pipelined.length > 0 && !question.profile.takesPipelined) relayHost.adaptations.add('pipelined');
}

function createRelay(
  candidate: Candidate,
  attachment: Attachment & {
    readonly connack: Acceptance;
    readonly record: SessionRecord;
    readonly early: EarlyBytes;
  },
  context: ConnectionContext,
): Relay {
  const { connack, record, claim, upstream, early } = attachment;
  const { settings, ports, relayHost } = context;
  const cohort = cohortOf(ports.snapshot(), record.assignment);
  const client = assessedClient(candidate.connect.clientId, cohort);
  const findings = new SessionFindings({
    record,
    assessments: ports.assessments,
    client,
    records: context.undeliverable,
    recordPathOf: (broker) => settings.brokers?.[broker]?.undeliverableRecord,
    log: context.occasionalLog,
  });
  if (client !== undefined) ports.assessments?.observed({ ...client, broker: claim.broker });
  const assessor =
    client !== undefined && cohort?.source === claim.broker && ports.assessments !== undefined
      ? createAssessor(findings, { connect: candidate.connect, target: client.target, settings })
      : undefined;
  if (early.pipelined.length > 0) assessor?.notePipelined();
  const topics = observeTopics(record, candidate.connect, ports);
  const { sessionPresent } = connack.upstreamTerms;
  const machine: RelayOptions['machine'] = {
    device: connack.device,
    upstream: connack.upstreamTerms,
    sessionExpiryInterval: connack.sessionExpiryInterval,
    counts: ports.metrics.packets,
    ...(assessor !== undefined && { assessor }),
    ...(topics !== undefined && { topics }),
    // A device that is told of no session begins anew, with identifiers that mean nothing old.
    unfinished: { received: sessionPresent ? (claim.remains?.received ?? []) : [] },
    ...(sessionPresent && { subscriptions: decodeSubscriptions(claim.remains?.subscriptions) }),
  };
  const origin: LegOrigin = {
    connect: candidate.connect,
    device: attachment.device,
    generatedClientId: attachment.question.generatedClientId,
    listenerMaxPacketBytes: candidate.device.listener.maxPacketBytes,
  };
  const sockets = { device: candidate.device.socket, upstream: upstream.socket };
  return new Relay({ record, origin, ...sockets, machine, findings }, relayHost);
}

/** Makes the session known to the worker and to the registry. */
function announce(
  { relay, keepsSubscriptions }: { readonly relay: Relay; readonly keepsSubscriptions: boolean },
  { connect }: Candidate,
  context: ConnectionContext,
): void {
  const { record } = relay;
  const { clientId, connection, epoch } = record;
  const { broker } = record.home;
  context.sessions.add(relay);
  if (connect.clientId !== '') {
    const persistent = outlivesConnection(record);
    const session = { clientId, connection, epoch, broker, persistent, place: placeOf(record) };
    context.ports.registry.attached({ ...session, ...(keepsSubscriptions && { keepsSubscriptions }) });
  } else if (clientId !== '' && connect.protocol === '5') void adopt(relay, context);
}

/**
 * Claims the client ID that a device was given (MQTT 5 section 3.2.2.3.7): it may use it from now on, and then comes back
 * to this broker and takes over.
 */
async function adopt(relay: Relay, { ports }: ConnectionContext): Promise<void> {
  const { record } = relay;
  const { clientId, connection } = record;
  const { broker } = record.home;
  const persistent = outlivesConnection(record);
  const session = { clientId, connection, broker, persistent, place: placeOf(record) };
  record.epoch = await ports.registry.adopt(session);
  if (relay.isOver) ports.registry.ended(clientId, record.epoch, record.sessionExpiryInterval === 0);
  else record.isClaimed = true;
}

/** The plan may have changed since the device was assigned: the newest one's word is kept. */
function toRecord(
  { device, connect, leg }: Candidate,
  attachment: Attachment & { readonly connack: Acceptance },
  context: ConnectionContext,
): SessionRecord {
  const { ports } = context;
  const { identity, assignment, claim, question, adapted, connack, upstream } = attachment;
  const asked = { broker: claim.broker, device: attachment.device };
  const snapshot = ports.snapshot();
  return {
    connection: leg.connection,
    epoch: claim.epoch,
    clientId: connect.clientId === '' ? (connack.assignedClientId ?? '') : connect.clientId,
    isClaimed: connect.clientId !== '',
    identity,
    assignment: snapshot.revision === assignment.revision ? assignment : snapshot.assign(identity),
    home: legTerms(claim.broker, {
      ...{ adapted, terms: connack.upstreamTerms, device: attachment.device, watch: upstream.watch },
      encodeEnd: sessionEndEncoder(question, asked, context),
    }),
    protocol: connect.protocol,
    intent: sessionIntentOf(connect),
    sessionExpiryInterval: connack.sessionExpiryInterval,
    since: ports.clock.wallMs(),
    listener: device.listener.name,
    heldBack: claim.heldBack,
    queueAt: undefined,
  };
}
