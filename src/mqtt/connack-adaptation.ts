import {
  type Announcement,
  type AnnouncementBasis,
  announcedProperties,
  toldBefore5,
  toldByConnack,
} from './announcement.ts';
import { brokerCapabilities, defaultReceiveMaximum } from './capabilities.ts';
import { type Connack, connackCodeOfReason, connackReasonOfCode, encodeConnack } from './connack-packet.ts';
import type { ConnectQuestion } from './connect-adaptation.ts';
import { maxPacketBytes } from './control-packet.ts';
import { propertyId, type RawProperty } from './properties.ts';
import { withoutProperties } from './property-edits.ts';
import type { DeviceTerms, UndeliverablePolicy, UpstreamTerms } from './session-terms.ts';

export interface ConnackQuestion extends AnnouncementBasis {
  /** Whether the gateway's record has a session of the device at this broker: asked where the broker has 3.1, which cannot tell. */
  readonly recordedSession?: boolean;
  /** The operator's choice for this broker; absent: `refuse`. */
  readonly undeliverable?: UndeliverablePolicy;
}

/** `packet` is the CONNACK for the device. */
export type ConnackAdaptation =
  | { readonly packet: Buffer; readonly accepted: false }
  | {
      readonly packet: Buffer;
      readonly accepted: true;
      readonly device: DeviceTerms;
      readonly upstreamTerms: UpstreamTerms;
      /** Seconds that the session outlives its connection; before MQTT 5: 0 with Clean Session, else 0xFFFFFFFF unless the broker has less. */
      readonly sessionExpiryInterval: number;
      /** Where the device sent none: the one that the gateway or the broker gave. A device before MQTT 5 is not told. */
      readonly assignedClientId?: string;
    };

export function adaptConnack(input: ConnackQuestion): ConnackAdaptation {
  if (input.connack.code !== 0) return { packet: encodeRefusal(input), accepted: false };
  const { question, upstream, connack } = input;
  const { connect, profile } = question;
  const capabilities = brokerCapabilities({
    profile,
    protocol: upstream.protocol,
    connack,
    askedExpirySeconds: upstream.session.expirySeconds,
  });
  const assignedClientId = connect.clientId === '' ? upstream.clientId || connack.assignedClientId : undefined;
  const announcement: Announcement = {
    told: connect.protocol === '5' ? toldByConnack(input, capabilities) : toldBefore5,
    sessionExpiryInterval: grantedExpiry(input),
    assignedClientId,
  };
  return {
    packet: encodeAcceptance(input, announcement),
    accepted: true,
    device: deviceTerms(input, announcement),
    upstreamTerms: {
      protocol: upstream.protocol,
      profile,
      capabilities,
      keepAliveSeconds: serverKeepAlive(connack) ?? upstream.keepAliveSeconds,
      sessionPresent: mayHoldSession(input),
      ...devicePacketTerms(input),
    },
    sessionExpiryInterval: announcement.sessionExpiryInterval,
    ...(assignedClientId === undefined ? {} : { assignedClientId }),
  };
}

function devicePacketTerms({
  question,
  listenerMaxPacketBytes,
  undeliverable = 'refuse',
}: ConnackQuestion): Pick<UpstreamTerms, 'undeliverable' | 'maxPacketBytes'> {
  const { maxPacketBytes: takenBytes } = question.profile;
  // What is to be acknowledged and recorded has to come in, and is judged by its header.
  const isTakenIn = undeliverable === 'acknowledge';
  return {
    undeliverable,
    maxPacketBytes: isTakenIn ? listenerMaxPacketBytes : Math.min(listenerMaxPacketBytes, takenBytes),
  };
}

const serverUnavailable = 0x88;
const useAnotherServer = 0x9c;
const serverMoved = 0x9d;

function encodeRefusal({ question, upstream, connack }: ConnackQuestion): Buffer {
  const { protocol } = question.connect;
  const { code } = connack;
  const refusal = (ownCode: number, properties: readonly RawProperty[] = []) =>
    encodeConnack(protocol, { code: ownCode, sessionPresent: false, properties });
  if (protocol !== '5') return refusal(upstream.protocol === '5' ? connackCodeOfReason(code) : code);
  if (upstream.protocol !== '5') return refusal(connackReasonOfCode(code));
  const isRedirect = code === useAnotherServer || code === serverMoved;
  const hidden = isRedirect ? [propertyId.serverReference, propertyId.reasonString] : [propertyId.serverReference];
  return encodeWithin(question, {
    code: isRedirect ? serverUnavailable : code,
    sessionPresent: false,
    properties: withoutProperties(connack.properties?.list ?? [], hidden),
  });
}

function encodeAcceptance(input: ConnackQuestion, announcement: Announcement): Buffer {
  const { question } = input;
  return encodeWithin(question, {
    code: 0,
    sessionPresent: isSessionTold(input),
    properties: question.connect.protocol === '5' ? announcedProperties(input, announcement) : [],
  });
}

/** What does not fit the device's Maximum Packet Size loses what a server may leave out [MQTT-3.2.2-19, MQTT-3.2.2-20]. */
function encodeWithin(
  { connect }: ConnectQuestion,
  connack: { readonly code: number; readonly sessionPresent: boolean; readonly properties: readonly RawProperty[] },
): Buffer {
  const packet = encodeConnack(connect.protocol, connack);
  if (packet.length <= (connect.properties?.number(propertyId.maximumPacketSize) ?? maxPacketBytes)) return packet;
  const properties = withoutProperties(connack.properties, [propertyId.reasonString, propertyId.userProperty]);
  return encodeConnack(connect.protocol, { ...connack, properties });
}

function isSessionTold(input: ConnackQuestion): boolean {
  const { question, upstream, connack } = input;
  if (upstream.protocol === '3.1') return mayHoldSession(input) && input.recordedSession === true;
  // The session that a purge ended may have been begun anew by somebody else; this device asked for none [MQTT-3.1.2-4].
  return connack.sessionPresent && !(question.connect.protocol === '5' && question.connect.cleanStart);
}

function mayHoldSession({ upstream, connack }: ConnackQuestion): boolean {
  if (upstream.protocol !== '3.1') return connack.sessionPresent;
  return !upstream.session.cleanStart && upstream.purge === undefined;
}

function grantedExpiry({ question, upstream, connack, common }: ConnackQuestion): number {
  const granted = connack.sessionExpiryInterval ?? upstream.session.expirySeconds;
  if (question.connect.protocol !== '5' || common === undefined) return granted;
  return Math.min(granted, common.maxSessionExpirySeconds);
}

function deviceTerms({ question, connack }: ConnackQuestion, announcement: Announcement): DeviceTerms {
  const { connect } = question;
  const asked = (id: number) => connect.properties?.number(id);
  const toldKeepAlive = connect.protocol === '5' ? serverKeepAlive(connack) : undefined;
  return {
    protocol: connect.protocol,
    clientId: announcement.assignedClientId ?? connect.clientId,
    keepAliveSeconds: toldKeepAlive ?? connect.keepAliveSeconds,
    receiveMaximum: asked(propertyId.receiveMaximum) ?? defaultReceiveMaximum,
    maximumPacketSize: Math.min(asked(propertyId.maximumPacketSize) ?? maxPacketBytes, maxPacketBytes),
    told: announcement.told,
  };
}

/** Seconds. It holds for both legs: the broker's answer to what the gateway asked is told to a device of MQTT 5 as well. */
function serverKeepAlive({ properties }: Connack): number | undefined {
  return properties?.number(propertyId.serverKeepAlive);
}
