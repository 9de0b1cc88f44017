import type { ConnectPacket } from '../../mqtt/connect-packet.ts';
import {
  propertyId,
  type RawProperty,
  uint8Property,
  uint16Property,
  uint32Property,
  utf8Property,
} from '../../mqtt/properties.ts';
import type { BrokerTerms, BrokerVariants } from './broker-terms.ts';
import { type RefusalReason, refusalRules } from './refusal.ts';
import { isReserved, publishTopicFault } from './topic-rules.ts';

/** Why a CONNECT is refused for what it says, whoever sends it; undefined: it is asked about. */
export function connectFault(connect: ConnectPacket, { profile, variants }: BrokerTerms): RefusalReason | undefined {
  if (connect.protocol === '3.1' || connect.bridge) return 'unsupported-version';
  if (connect.authenticationMethod !== undefined) return 'authentication-method';
  const { clientId, will } = connect;
  if (clientId === '' && connect.protocol !== '5' && variants.emptyClientId !== 'assign') return 'client-id';
  if (clientId.startsWith('$') || Buffer.byteLength(clientId) > profile.clientId.maxBytes) return 'client-id';
  if (will === undefined) return undefined;
  if (will.qos === 2) return 'will-qos2';
  if (will.payloadBytes > profile.maxPayloadBytes) return 'will-too-large';
  const isRefused = publishTopicFault(will.topic, profile) !== undefined || (will.retain && isReserved(will.topic));
  return isRefused ? 'will-topic' : undefined;
}

/** The code of the CONNACK that says so, in the version of the client; undefined: the connection is just closed. */
export function connackCode(
  reason: RefusalReason,
  connect: Pick<ConnectPacket, 'protocol' | 'clientId'>,
  variants: BrokerVariants,
): number | undefined {
  if (connect.protocol !== '5') return returnCode(reason, connect.clientId, variants);
  switch (reason) {
    // AWS's list for CONNACK has neither 0x81 nor 0x82, and what it cannot say it closes for.
    case 'malformed-connect':
    case 'pipelined':
    case 'connect-too-large':
    case 'too-many-connections':
      return undefined;
    case 'unknown-certificate':
    case 'pending-certificate':
    case 'inactive-certificate':
      return variants.certificateRefused5 === 'connack' ? refusalRules[reason].code : undefined;
    case 'bad-credentials':
      return variants.badCredentials === 'connack' ? refusalRules[reason].code : undefined;
    case 'unsupported-version':
      return variants.mqtt31 === 'connack' ? refusalRules[reason].code : undefined;
    default:
      return refusalRules[reason].code;
  }
}

/** Of MQTT 3.1.1 (table 3.1). */
function returnCode(reason: RefusalReason, clientId: string, variants: BrokerVariants): number | undefined {
  switch (reason) {
    case 'unsupported-version':
      return variants.mqtt31 === 'connack' ? 0x01 : undefined;
    case 'client-id': {
      const answer = clientId === '' ? variants.emptyClientId : variants.invalidClientId;
      return answer === 'close' ? undefined : 0x02;
    }
    case 'connect-rate':
    case 'client-id-connect-rate':
      return variants.connectThrottled === 'connack' ? 0x03 : undefined;
    case 'connect-denied':
      return variants.connectDenied === 'connack' ? 0x05 : undefined;
    case 'bad-credentials':
      return variants.badCredentials === 'connack' ? 0x05 : undefined;
    default:
      return undefined;
  }
}

/** What was agreed with a client at CONNACK. */
export interface ConnectTerms {
  readonly clientId: string;
  readonly keepAliveSeconds: number;
  /** Seconds that the session outlives its connection; 0: it does not. */
  readonly sessionExpirySeconds: number;
  /** Unacknowledged QoS 1 messages that the client takes. */
  readonly receiveMaximum: number;
  /** Bytes of the largest packet that the client takes. */
  readonly maxPacketBytes: number;
  /** Topic aliases that the client takes. */
  readonly topicAliases: number;
  readonly properties: readonly RawProperty[];
}

/** AWS: 0 and what is above the longest become the longest, what is below the shortest becomes the shortest. */
export function clampKeepAlive(seconds: number, { profile }: BrokerTerms): number {
  const { keepAliveTaken } = profile;
  if (keepAliveTaken === undefined) return seconds;
  if (seconds === 0) return keepAliveTaken.max;
  return Math.min(keepAliveTaken.max, Math.max(keepAliveTaken.min, seconds));
}

/** `assignedId`: for a client that sent no ID. */
export function connectTerms(connect: ConnectPacket, assignedId: string, terms: BrokerTerms): ConnectTerms {
  const { properties } = connect;
  const number = (id: number, otherwise: number) => properties?.number(id) ?? otherwise;
  const { profile } = terms;
  const agreed = {
    clientId: connect.clientId === '' ? assignedId : connect.clientId,
    keepAliveSeconds: clampKeepAlive(connect.keepAliveSeconds, terms),
    sessionExpirySeconds: Math.min(connect.sessionExpiryInterval, profile.maxSessionExpirySeconds),
    receiveMaximum: Math.min(number(propertyId.receiveMaximum, 65_535), profile.inflightToDevice),
    maxPacketBytes: number(propertyId.maximumPacketSize, Number.POSITIVE_INFINITY),
    topicAliases: Math.min(number(propertyId.topicAliasMaximum, 0), terms.topicAliases),
  };
  return { ...agreed, properties: connackProperties(connect, agreed, terms) };
}

function connackProperties(
  connect: ConnectPacket,
  agreed: Omit<ConnectTerms, 'properties'>,
  { profile, topicAliases, announcedPacketBytes }: BrokerTerms,
): RawProperty[] {
  const list: RawProperty[] = [];
  if (connect.protocol !== '5') return list;
  if (agreed.sessionExpirySeconds !== connect.sessionExpiryInterval) {
    list.push(uint32Property(propertyId.sessionExpiryInterval, agreed.sessionExpirySeconds));
  }
  list.push(uint16Property(propertyId.receiveMaximum, profile.inflightFromDevice));
  list.push(uint8Property(propertyId.maximumQos, 1), uint8Property(propertyId.retainAvailable, 1));
  list.push(uint32Property(propertyId.maximumPacketSize, announcedPacketBytes));
  if (connect.clientId === '') list.push(utf8Property(propertyId.assignedClientIdentifier, agreed.clientId));
  list.push(uint16Property(propertyId.topicAliasMaximum, topicAliases));
  list.push(uint8Property(propertyId.wildcardSubscriptionAvailable, 1));
  list.push(uint8Property(propertyId.subscriptionIdentifierAvailable, 0));
  if (agreed.keepAliveSeconds !== connect.keepAliveSeconds) {
    list.push(uint16Property(propertyId.serverKeepAlive, agreed.keepAliveSeconds));
  }
  return list;
}
