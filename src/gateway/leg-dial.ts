import type { Socket } from 'node:net';
import { failure, type Result, success } from '../base/result.ts';
import { adaptConnack } from '../mqtt/connack-adaptation.ts';
import {
  adaptConnect,
  type ConnectQuestion,
  encodeSessionEnd,
  type UpstreamConnect,
} from '../mqtt/connect-adaptation.ts';
import type { ConnectPacket } from '../mqtt/connect-packet.ts';
import type { ProtocolVersion } from '../mqtt/control-packet.ts';
import { encodeClientDisconnect } from '../mqtt/disconnect-packet.ts';
import type { FurtherSession } from '../mqtt/session-request.ts';
import type { UpstreamTerms } from '../mqtt/session-terms.ts';
import { chooseVersion } from '../mqtt/version-choice.ts';
import { askBroker, type BrokerAnswer } from './broker-answer.ts';
import { credentialFault, sessionEndEncoder, withCredentials } from './broker-credentials.ts';
import { brokerTerms, type ConnectObstacle } from './broker-question.ts';
import { reportAnswer } from './contact-report.ts';
import type { CredentialFault } from './credential-policy.ts';
import type { EndpointWatch } from './endpoint-watch.ts';
import type { FirstContacts } from './first-contacts.ts';
import { flushLingerMs, type GatewayLimits, type GatewayPorts, type GatewaySettings } from './gateway-ports.ts';
import { keptConnection } from './kept-connection.ts';
import { type LegFailure, refusalOf, unreachable } from './leg-failure.ts';
import type { LegTerms, SessionEnd } from './leg-terms.ts';
import { outlivesConnection, type SessionRecord } from './session-record.ts';
import { closeAfterFlush, closedWithin } from './socket-closing.ts';
import type { UpstreamDevice } from './upstream-connector.ts';

/** What is kept of a device's CONNECT, so that further brokers can be asked in its name. Its packet holds secrets. */
export interface LegOrigin {
  readonly connect: ConnectPacket;
  readonly device: UpstreamDevice;
  /** The client ID that the first broker was given where the device sent none; else empty. */
  readonly generatedClientId: string;
  readonly listenerMaxPacketBytes: number;
}

/** A further connection of a session. */
export interface LegRequest {
  readonly broker: string;
  readonly session: FurtherSession;
  /** Ends all of it; the broker is let go in order. */
  readonly signal: AbortSignal;
  /** Milliseconds for each CONNECT of it, from its first token: what the gateway lets it wait before is not the broker's. */
  readonly timeoutMs: number;
  /** The broker closed the session's last connection soon: it has to keep this one for a moment before it counts. */
  readonly isSuspect?: boolean;
}

/** A connection on which the broker said CONNACK 0. */
export interface DialledLeg {
  readonly socket: Socket;
  readonly terms: LegTerms;
  readonly upstream: UpstreamTerms;
  /** What came behind CONNACK. */
  readonly rest: Buffer;
}

export interface DialContext {
  readonly settings: GatewaySettings;
  readonly limits: GatewayLimits;
  readonly ports: GatewayPorts;
  readonly contacts: FirstContacts;
}

/** Whose connection it is. */
export interface LegOwner {
  readonly record: SessionRecord;
  readonly origin: LegOrigin;
}

/** How a broker is asked in the name of a device whose session lives. */
export function furtherQuestion(
  { record, origin }: LegOwner,
  settings: GatewaySettings,
  { broker, session }: Pick<LegRequest, 'broker' | 'session'>,
): ConnectQuestion {
  const { connect } = origin;
  // What an MQTT 5 device was told holds; before MQTT 5 it was told nothing, and each broker has its own limit.
  const sessionExpiryInterval = connect.protocol === '5' ? record.sessionExpiryInterval : connect.sessionExpiryInterval;
  return {
    connect: { ...connect, clientId: connect.clientId || record.clientId, sessionExpiryInterval },
    ...brokerTerms(settings, broker),
    generatedClientId: origin.generatedClientId,
    sessionExpired: false,
    further: session,
  };
}

/** How the session is ended at a broker where it was. */
export function sessionEndAt(owner: LegOwner, context: DialContext, broker: string): SessionEnd {
  const question = furtherQuestion(owner, context.settings, { broker, session: 'fresh' });
  const { device } = owner.origin;
  const { protocol } = encodeSessionEnd(question);
  return { protocol, device, encode: sessionEndEncoder(question, { broker, device }, context) };
}

/** CONNECTs that a further connection of the session costs its broker: before MQTT 5 an earlier session is ended by one more. */
export function connectsFor({ record, origin }: LegOwner, settings: GatewaySettings, broker: string): number {
  const protocol = chooseVersion(origin.connect.protocol, brokerTerms(settings, broker).versions);
  return protocol !== '5' && outlivesConnection(record) ? 2 : 1;
}

/** Why the broker will not be asked at all; undefined: it may be. */
export function dialObstacle(owner: LegOwner, settings: GatewaySettings, broker: string): LegFailure | undefined {
  const question = furtherQuestion(owner, settings, { broker, session: 'fresh' });
  const fault = credentialFault(question, { broker, device: owner.origin.device }, settings);
  if (fault !== undefined) return credentialFailure(fault);
  const adapted = adaptConnect(question);
  return adapted.ok ? undefined : obstacleFailure(adapted.error);
}

/**
 * Asks a broker for one more connection of a live session: each CONNECT has a token of the broker's rate, and a session
 * that it must not take up is ended before, where CONNECT has no words for it. When it resolves without a connection, none
 * is left open.
 */
export async function dialLeg(
  owner: LegOwner,
  request: LegRequest,
  context: DialContext,
): Promise<Result<DialledLeg, LegFailure>> {
  const adapted = await adaptFor(owner, context, request);
  if (!adapted.ok) return adapted;
  const { question, upstream } = adapted.value;
  const { packet, purge, protocol } = upstream;
  const dial = new LegDial(owner, request, context);
  const asked = await dial.run({ packet, protocol }, purge);
  if (!asked.ok) return asked;
  const { socket, watch, answer } = asked.value;
  const { listenerMaxPacketBytes } = owner.origin;
  const { undeliverable } = context.settings.brokers?.[request.broker] ?? {};
  const adaptation = adaptConnack({
    ...{ question, upstream, connack: answer.connack, listenerMaxPacketBytes },
    ...(undeliverable !== undefined && { undeliverable }),
  });
  if (!adaptation.accepted) return failure(refusalOf(answer.connack.code, protocol));
  const { device } = owner.origin;
  const { broker } = request;
  const terms = legTerms(broker, {
    ...{ adapted: upstream, terms: adaptation.upstreamTerms, device, watch },
    encodeEnd: sessionEndEncoder(question, { broker, device }, context),
  });
  // 3.1 cannot tell, and what is subscribed again needlessly does no harm.
  const sessionPresent = protocol !== '3.1' && adaptation.upstreamTerms.sessionPresent;
  return success({ socket, terms, upstream: { ...adaptation.upstreamTerms, sessionPresent }, rest: answer.rest });
}

/** What holds on a connection that the broker accepted. */
export function legTerms(
  broker: string,
  {
    adapted,
    terms,
    device,
    watch,
    encodeEnd,
  }: Pick<LegTerms, 'watch'> & {
    readonly adapted: UpstreamConnect;
    readonly terms: UpstreamTerms;
    readonly device: UpstreamDevice;
    readonly encodeEnd: SessionEnd['encode'];
  },
): LegTerms {
  const { sessionEnd, protocol, lossDelaySeconds } = adapted;
  return {
    broker,
    watch,
    keepAliveSeconds: terms.keepAliveSeconds,
    lossDelaySeconds,
    ...(sessionEnd !== undefined && { sessionEnd: { protocol, device, encode: encodeEnd } }),
  };
}

/** `question` has the device's own credentials, `upstream` those that the broker gets. */
async function adaptFor(
  owner: LegOwner,
  context: DialContext,
  request: Pick<LegRequest, 'broker' | 'session'>,
): Promise<Result<{ readonly question: ConnectQuestion; readonly upstream: UpstreamConnect }, LegFailure>> {
  const question = furtherQuestion(owner, context.settings, request);
  const asked = { broker: request.broker, device: owner.origin.device };
  const presented = await withCredentials(question, asked, context);
  if (!presented.ok) return failure(credentialFailure(presented.error));
  const adapted = adaptConnect(presented.value);
  return adapted.ok ? success({ question, upstream: adapted.value }) : failure(obstacleFailure(adapted.error));
}

function credentialFailure(fault: CredentialFault): LegFailure {
  return { kind: 'credentials', isLasting: true, message: `credentials: ${fault}` };
}

function obstacleFailure({ obstacle, message }: ConnectObstacle): LegFailure {
  return { kind: 'obstacle', isLasting: true, message: `${obstacle}: ${message}` };
}

/** Lets a broker go in order, so that no will is published: the device is there. Resolves when it is closed. */
export async function closeAsked(socket: Socket, { takeoverMs }: GatewayLimits): Promise<void> {
  closeAfterFlush(socket, flushLingerMs, encodeClientDisconnect());
  await closedWithin(socket, Math.ceil(takeoverMs / 2));
}

type Connack = Extract<BrokerAnswer, { readonly kind: 'connack' }>;

type Asked = Result<{ readonly socket: Socket; readonly watch: EndpointWatch; readonly answer: Connack }, LegFailure>;

interface Connect {
  readonly packet: Buffer;
  readonly protocol: ProtocolVersion;
}

/** The gateway's own bound, and no word of the broker's. */
const noToken = unreachable('rate', 'no connect token in time');

const turnedAway: LegFailure = {
  kind: 'turned-away',
  isLasting: false,
  message: 'the broker closed at CONNECT: it does not know the device yet, or forbids it',
};

/** The CONNECTs of one request. */
class LegDial {
  readonly #owner: LegOwner;
  readonly #request: LegRequest;
  readonly #context: DialContext;
  readonly #controller = new AbortController();
  #awaitsToken = false;
  /** What its time ran out for. */
  #late: LegFailure | undefined;

  constructor(owner: LegOwner, request: LegRequest, context: DialContext) {
    this.#owner = owner;
    this.#request = request;
    this.#context = context;
  }

  async run(connect: Connect, purge: Buffer | undefined): Promise<Asked> {
    const { signal } = this.#request;
    const abort = () => this.#controller.abort();
    signal.addEventListener('abort', abort);
    if (signal.aborted) abort();
    try {
      if (purge !== undefined) {
        const purged = await this.#ask({ packet: purge, protocol: connect.protocol }, false);
        if (!purged.ok) return purged;
        await closeAsked(purged.value.socket, this.#context.limits);
      }
      return await this.#ask(connect, purge !== undefined);
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  /** `hasConnected`: the broker has answered another CONNECT of this request just now. */
  async #ask(connect: Connect, hasConnected: boolean): Promise<Asked> {
    const { broker, timeoutMs } = this.#request;
    const wish = { broker, clientId: this.#owner.record.clientId, ...(hasConnected && { hasConnected }) };
    const connectToken = async () => {
      this.#awaitsToken = true;
      const isGranted = await this.#context.ports.registry.connectToken(wish, this.#controller.signal);
      this.#awaitsToken = false;
      return isGranted;
    };
    if (!(await connectToken())) return this.#fail(noToken);
    const timer = setTimeout(() => {
      this.#late = this.#awaitsToken ? noToken : unreachable('timeout', `no CONNACK within ${timeoutMs} ms`);
      this.#controller.abort();
    }, timeoutMs);
    try {
      return await this.#connect(connect, connectToken);
    } finally {
      clearTimeout(timer);
    }
  }

  async #connect(connect: Connect, connectToken: () => Promise<boolean>): Promise<Asked> {
    const { broker, timeoutMs, isSuspect = false } = this.#request;
    const { upstream } = this.#context.ports;
    const { signal } = this.#controller;
    const { device } = this.#owner.origin;
    const connected = await upstream.connect({ broker, device, connectToken, timeoutMs, signal });
    if (!connected.ok) return this.#fail(unreachable(connected.error.code, connected.error.message));
    const { socket, watch } = connected.value;
    const answer = await askBroker(socket, connect, signal);
    const told = { broker, device, answer, protocol: connect.protocol };
    const verdict = reportAnswer(connected.value, told, this.#context.contacts);
    if (answer.kind === 'connack' && answer.connack.code === 0 && !signal.aborted) {
      const rest = isSuspect ? await keptConnection(socket, answer.rest, signal) : answer.rest;
      if (rest !== undefined) {
        this.#count('accepted');
        return success({ socket, watch, answer: { ...answer, rest } });
      }
      await closeAsked(socket, this.#context.limits);
      return this.#fail(unreachable('closed', 'the broker closed the connection behind its CONNACK'));
    }
    await closeAsked(socket, this.#context.limits);
    if (verdict === 'closed') return this.#fail(turnedAway);
    if (answer.kind !== 'connack') return this.#fail(unreachable('closed', 'the broker gave no CONNACK'));
    this.#count('refused');
    return failure(refusalOf(answer.connack.code, connect.protocol));
  }

  #fail(reason: LegFailure): Asked {
    if (this.#request.signal.aborted) return failure(unreachable('aborted', 'it is not wanted any more'));
    const cause = this.#late ?? reason;
    this.#count(cause.kind);
    return failure(cause);
  }

  #count(result: string): void {
    this.#context.ports.metrics.connects.inc({ broker: this.#request.broker, result });
  }
}
