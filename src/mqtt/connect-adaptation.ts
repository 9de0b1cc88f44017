import { type AdaptationKind, adaptationKinds, type Obstacle } from './adaptation-kind.ts';
import type { BrokerProfile } from './broker-profiles.ts';
import { defaultReceiveMaximum } from './capabilities.ts';
import { mapClientId, mayOmitClientId } from './client-id-mapping.ts';
import { type ConnectFields, encodeConnect } from './connect-encoding.ts';
import type { ConnectPacket } from './connect-packet.ts';
import type { ProtocolVersion } from './control-packet.ts';
import { propertyId, type RawProperty, uint16Property, uint32Property } from './properties.ts';
import { withoutProperties, withProperty } from './property-edits.ts';
import { type FurtherSession, forEverSeconds, requestSession, type SessionRequest } from './session-request.ts';
import { chooseVersion } from './version-choice.ts';
import { adaptWill, willObstacle } from './will-adaptation.ts';

export interface ConnectQuestion {
  readonly connect: ConnectPacket;
  readonly profile: BrokerProfile;
  /** The broker's versions: the configuration's, else the profile's. */
  readonly versions: readonly ProtocolVersion[];
  /** Taken as the client ID where the device sent none and the broker gives none. */
  readonly generatedClientId: string;
  /** The device's session of MQTT 5 has run out by the gateway's own record though the broker may still hold it. */
  readonly sessionExpired: boolean;
  /** Given for a further connection of a live session. */
  readonly further?: FurtherSession;
}

/** Its packets hold the device's password: they go to the broker and nowhere else. */
export interface UpstreamConnect {
  readonly protocol: ProtocolVersion;
  readonly packet: Buffer;
  /** Empty where the broker is to assign one. */
  readonly clientId: string;
  /** Seconds, as the packet asks for; never 0 with the profiles there are. */
  readonly keepAliveSeconds: number;
  /** The session that the packet asks for. */
  readonly session: SessionRequest;
  /** Sent first, on a connection of its own, then DISCONNECT: ends a session that a broker without Clean Start and expiry would take up. */
  readonly purge?: Buffer;
  /** The device's session ends with this connection and the broker's does not: `sessionEnd` is due then. */
  readonly endsWithConnection: boolean;
  /**
   * For a device of MQTT 5 at a broker of an earlier version: a CONNECT with Clean Session, sent on a connection of its
   * own, then DISCONNECT. Due when the session ends: with the connection, by the device's DISCONNECT, or when it has run
   * out. Absent: the broker ends it by itself.
   */
  readonly sessionEnd?: Buffer;
  /** Seconds between the loss of the device and the loss that the broker sees (will delay emulated); 0: none. */
  readonly lossDelaySeconds: number;
  /** Each once, in the order of `adaptationKinds`. */
  readonly adaptations: readonly AdaptationKind[];
}

export type ConnectAdaptation =
  | { readonly ok: true; readonly value: UpstreamConnect }
  | { readonly ok: false; readonly error: { readonly obstacle: Obstacle; readonly message: string } };

/** The CONNECT that a broker gets for a device's, encoded anew from its parts; or why it can have none. */
export function adaptConnect(question: ConnectQuestion): ConnectAdaptation {
  const { connect, profile, versions, sessionExpired, further } = question;
  const error = obstacleOf(connect, profile);
  if (error !== undefined) return { ok: false, error };
  const protocol = chooseVersion(connect.protocol, versions);
  const session = requestSession(connect, { protocol, profile, sessionExpired, further });
  const { expirySeconds } = session;
  const adapted = connect.will && adaptWill(connect.will, { protocol, profile, expirySeconds });
  const fields: ConnectFields = {
    ...identityFields(question, protocol),
    cleanStart: session.cleanStart,
    keepAliveSeconds: upstreamKeepAlive(connect.keepAliveSeconds, profile),
    properties: protocol === '5' ? upstreamProperties(connect, profile, expirySeconds) : [],
    ...(adapted === undefined ? {} : { will: adapted.will }),
  };
  const sessionEnd = session.isEndedByGateway ? encodePurge(fields) : undefined;
  const purge = session.isPurgedFirst ? (sessionEnd ?? encodePurge(fields)) : undefined;
  const kinds = [...connectKinds(question, fields, session), ...(adapted?.adaptations ?? [])];
  return {
    ok: true,
    value: {
      protocol,
      packet: encodeConnect(fields),
      clientId: fields.clientId,
      keepAliveSeconds: fields.keepAliveSeconds,
      session,
      ...(purge === undefined ? {} : { purge }),
      endsWithConnection: session.isEndedByGateway && expirySeconds === 0,
      ...(sessionEnd === undefined ? {} : { sessionEnd }),
      lossDelaySeconds: adapted?.lossDelaySeconds ?? 0,
      adaptations: adaptationKinds.filter((kind) => kinds.includes(kind)),
    },
  };
}

/** The client ID that the broker gets; empty where it is to assign one. */
export function upstreamClientId(question: ConnectQuestion): string {
  return clientIdIn(question, chooseVersion(question.connect.protocol, question.versions));
}

/**
 * A CONNECT for a connection of its own, then DISCONNECT: ends whatever session the broker holds of the client ID, in
 * whatever version.
 */
export function encodeSessionEnd(question: ConnectQuestion): {
  readonly protocol: ProtocolVersion;
  readonly packet: Buffer;
} {
  const { connect, profile, versions } = question;
  const protocol = chooseVersion(connect.protocol, versions);
  const keepAliveSeconds = upstreamKeepAlive(connect.keepAliveSeconds, profile);
  const identity = identityFields(question, protocol);
  return { protocol, packet: encodePurge({ ...identity, cleanStart: true, keepAliveSeconds, properties: [] }) };
}

type IdentityFields = Pick<ConnectFields, 'protocol' | 'bridge' | 'clientId' | 'username' | 'password'>;

function obstacleOf(
  { authenticationMethod, will }: ConnectPacket,
  profile: BrokerProfile,
): { readonly obstacle: Obstacle; readonly message: string } | undefined {
  if (authenticationMethod !== undefined) {
    // Its AUTH packets belong to one connection with one broker, which a handover would have to end.
    return { obstacle: 'enhanced-authentication', message: 'The device asks for enhanced authentication' };
  }
  return will && willObstacle(will, profile);
}

function identityFields(question: ConnectQuestion, protocol: ProtocolVersion): IdentityFields {
  const { connect, profile } = question;
  const { password } = connect;
  // A password may stand alone in MQTT 5 only [MQTT-3.1.2-22 of 3.1.1].
  const username = password === undefined || protocol === '5' ? connect.username : (connect.username ?? '');
  return {
    protocol,
    // MQTT 5 has No Local and Retain As Published for what bridges need, and no such convention.
    bridge: connect.bridge && profile.bridges && connect.protocol !== '5' && protocol !== '5',
    clientId: clientIdIn(question, protocol),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  };
}

function clientIdIn({ connect, profile, generatedClientId }: ConnectQuestion, protocol: ProtocolVersion): string {
  const mayOmit = mayOmitClientId({ device: connect.protocol, upstream: protocol, profile });
  return mapClientId(connect.clientId === '' && !mayOmit ? generatedClientId : connect.clientId, profile);
}

/** Seconds. 0 becomes the maximum: a broker that is lost without a word has to be noticed. */
function upstreamKeepAlive(askedSeconds: number, { keepAliveSeconds: { min, max } }: BrokerProfile): number {
  return askedSeconds === 0 ? max : Math.min(Math.max(askedSeconds, min), max);
}

/** The device's properties in its order, what the gateway changes in its place, what it adds at the end. */
function upstreamProperties(
  { properties }: ConnectPacket,
  profile: BrokerProfile,
  expirySeconds: number,
): readonly RawProperty[] {
  const given = (id: number) => properties?.number(id);
  // Aliases end at the gateway on both legs: it asks the broker for none.
  const ended = profile.responseInformation ? [] : [propertyId.requestResponseInformation];
  let list = withoutProperties(properties?.list ?? [], [propertyId.topicAliasMaximum, ...ended]);
  if (expirySeconds !== (given(propertyId.sessionExpiryInterval) ?? 0)) {
    list = withProperty(list, uint32Property(propertyId.sessionExpiryInterval, expirySeconds));
  }
  const deviceTakes = given(propertyId.receiveMaximum) ?? defaultReceiveMaximum;
  if (deviceTakes > profile.inflightToDevice) {
    list = withProperty(list, uint16Property(propertyId.receiveMaximum, profile.inflightToDevice));
  }
  return list;
}

/** As the CONNECT itself, so that the broker knows the client again, but it leaves no session and no will. */
function encodePurge({ protocol, clientId, keepAliveSeconds, username, password }: ConnectFields): Buffer {
  return encodeConnect({
    protocol,
    bridge: false,
    clientId,
    cleanStart: true,
    keepAliveSeconds,
    properties: [],
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  });
}

function connectKinds(question: ConnectQuestion, fields: ConnectFields, session: SessionRequest): AdaptationKind[] {
  const { connect, profile } = question;
  const kinds: AdaptationKind[] = [];
  if (fields.protocol !== connect.protocol) kinds.push('protocol-version');
  if (!isWithin(connect.keepAliveSeconds, profile.keepAliveTaken)) kinds.push('keep-alive');
  if (fields.clientId !== connect.clientId) kinds.push('client-id');
  if (isExpiryAdapted(connect, session)) kinds.push('session-expiry');
  if (losesProperties(connect, fields.protocol, profile)) kinds.push('properties');
  return kinds;
}

function isWithin(seconds: number, range: BrokerProfile['keepAliveTaken']): boolean {
  return range === undefined || (seconds >= range.min && seconds <= range.max);
}

function isExpiryAdapted({ sessionExpiryInterval }: ConnectPacket, session: SessionRequest): boolean {
  if (session.expirySeconds < sessionExpiryInterval) return true;
  return session.isEndedByGateway && (session.isPurgedFirst || session.expirySeconds < forEverSeconds);
}

/** Windows, sizes, expiry and aliases are kept by the gateway itself; what is left is what the broker would have read. */
function losesProperties({ properties }: ConnectPacket, protocol: ProtocolVersion, profile: BrokerProfile): boolean {
  const asksForResponses = properties?.number(propertyId.requestResponseInformation) === 1;
  if (protocol === '5') return asksForResponses && !profile.responseInformation;
  return asksForResponses || (properties?.has(propertyId.userProperty) ?? false);
}
