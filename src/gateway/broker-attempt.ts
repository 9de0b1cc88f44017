import { setTimeout as delay } from 'node:timers/promises';
import type { UpstreamConnect } from '../mqtt/connect-adaptation.ts';
import type { ProtocolVersion } from '../mqtt/control-packet.ts';
import { encodeClientDisconnect } from '../mqtt/disconnect-packet.ts';
import { askBroker, type BrokerAnswer } from './broker-answer.ts';
import type { Candidate, ConnectionContext } from './connection-context.ts';
import { closeUnanswered, refuseUnanswered } from './connection-refusal.ts';
import { reportAnswer } from './contact-report.ts';
import { chooseAfterClose, retryMs } from './first-contact-choice.ts';
import { flushLingerMs, type GatewayPorts } from './gateway-ports.ts';
import { closeAfterFlush, closedWithin } from './socket-closing.ts';
import type { UpstreamConnection, UpstreamDevice } from './upstream-connector.ts';

/** A broker that a device is to be attached to. */
export interface BrokerWish {
  readonly broker: string;
  readonly device: UpstreamDevice;
  readonly adapted: UpstreamConnect;
  /** Another broker has the device where this one does not know it. */
  readonly hasSource: boolean;
  /** The broker holds the session that the device takes up. */
  readonly isHome: boolean;
}

/** A broker's CONNACK, and the connection that it came over. */
export interface AnsweredConnect {
  readonly kind: 'answered';
  readonly upstream: UpstreamConnection;
  readonly answer: Extract<BrokerAnswer, { readonly kind: 'connack' }>;
}

/** `turned-away`: the broker does not know the device, and its source is to have it. Undefined: it has been refused. */
export type BrokerAttempt = AnsweredConnect | { readonly kind: 'turned-away' } | undefined;

/** One broker is asked; one that does not know the device yet again, as long as that is worth the device's waiting. */
export async function attemptBroker(
  candidate: Candidate,
  wish: BrokerWish,
  context: ConnectionContext,
): Promise<BrokerAttempt> {
  const { broker, hasSource, isHome } = wish;
  const { contacts, limits, ports } = context;
  for (let closes = 1; ; closes += 1) {
    const answered = await attemptOnce(candidate, wish, context);
    if (answered !== 'closed' && answered !== 'refused') return answered;
    const choice = chooseAfterClose({
      ...{ closes, hasSource, isHome, isMetered: contacts.isMetered(broker) },
      elapsedMs: ports.clock.monotonicMs() - candidate.atMs,
      patienceMs: limits.brokerAnswerMs,
      retries: contacts.termsOf(broker)?.retries ?? 0,
    });
    if (answered === 'refused' || choice === 'elsewhere' || !(await isWorthAgain(candidate, wish, context))) {
      return leaveUnknown(candidate, wish, context);
    }
  }
}

/** Behind a close: the device is made known where that is the gateway's to do, and its next CONNECT may be sent. */
async function isWorthAgain(
  { leg, connect: { clientId } }: Candidate,
  { broker, device }: BrokerWish,
  { registration, ports }: ConnectionContext,
): Promise<boolean> {
  const pause = delay(retryMs, undefined, { signal: leg.signal }).catch(() => undefined);
  const isKnown = await Promise.race([registration.register({ broker, device }), whenAborted(leg.signal)]);
  if (isKnown !== true) return false;
  await pause;
  return leg.end === undefined && ports.registry.connectToken({ broker, clientId, hasConnected: true }, leg.signal);
}

/** Without a source there is nobody else: the device hears what it would of a broker that does not answer. */
function leaveUnknown(
  candidate: Candidate,
  { broker, hasSource }: BrokerWish,
  context: ConnectionContext,
): BrokerAttempt {
  if (hasSource && candidate.leg.end === undefined) {
    context.ports.metrics.connects.inc({ broker, result: 'turned-away' });
    return { kind: 'turned-away' };
  }
  refuseUnanswered(candidate, broker, 'closed', context);
  return undefined;
}

/** One CONNECT to be sent to a broker. */
interface BrokerRequest {
  readonly broker: string;
  readonly device: UpstreamDevice;
  readonly packet: Buffer;
  readonly protocol: ProtocolVersion;
  readonly hasSource: boolean;
}

type Asked = AnsweredConnect | 'closed' | 'refused' | undefined;

async function attemptOnce(candidate: Candidate, wish: BrokerWish, context: ConnectionContext): Promise<Asked> {
  const { packet, protocol, purge } = wish.adapted;
  const request = { broker: wish.broker, device: wish.device, hasSource: wish.hasSource, protocol };
  if (purge !== undefined) {
    const purged = await askToPurge(candidate, { ...request, packet: purge }, context);
    if (purged !== 'purged') return purged;
  }
  return ask(candidate, { ...request, packet }, context);
}

/** Undefined when there is no answer, and the device has been refused. */
async function ask(candidate: Candidate, request: BrokerRequest, context: ConnectionContext): Promise<Asked> {
  const { leg } = candidate;
  const { broker, device, protocol, hasSource } = request;
  const connected = await dial(candidate, request, context);
  if (!connected.ok) {
    refuseUnanswered(candidate, broker, connected.error, context);
    return undefined;
  }
  const upstream = connected.value;
  const answer = await askBroker(upstream.socket, request, leg.signal);
  const verdict = reportAnswer(upstream, { broker, device, protocol, answer }, context.contacts);
  const isLeft = verdict !== undefined && leg.end === undefined && (verdict === 'closed' || hasSource);
  if (answer.kind === 'connack' && leg.end === undefined && !isLeft) return { kind: 'answered', upstream, answer };
  const closed = closeUnanswered(upstream, leg, { broker, parked: context.parked });
  if (!isLeft) refuseUnanswered(candidate, broker, answer.kind === 'failed' ? answer.reason : undefined, context);
  await closed;
  return isLeft ? verdict : undefined;
}

/**
 * Ends an earlier session by a connection of its own, before the one that the device wants: the claim's token is used
 * here, and that one gets another. A broker that refuses it will refuse the device too, in its own words.
 */
async function askToPurge(
  candidate: Candidate,
  request: BrokerRequest,
  context: ConnectionContext,
): Promise<'purged' | 'closed' | 'refused' | undefined> {
  const { leg, connect } = candidate;
  const { broker } = request;
  const { registry, metrics } = context.ports;
  const asked = await ask(candidate, request, context);
  if (typeof asked !== 'object') return asked;
  const { socket } = asked.upstream;
  metrics.connects.inc({ broker, result: asked.answer.connack.code === 0 ? 'purged' : 'purge-failed' });
  closeAfterFlush(socket, flushLingerMs, encodeClientDisconnect());
  await Promise.race([closedWithin(socket, flushLingerMs), whenAborted(leg.signal)]);
  const wish = { broker, clientId: connect.clientId, hasConnected: true };
  const hasToken = leg.end === undefined && (await registry.connectToken(wish, leg.signal));
  if (leg.end === undefined && hasToken) return 'purged';
  refuseUnanswered(candidate, broker, leg.end === undefined ? 'rate' : undefined, context);
  await leg.whenClosed(socket, broker);
  return undefined;
}

export function whenAborted(signal: AbortSignal): Promise<undefined> {
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
