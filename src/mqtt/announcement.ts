import { type BrokerProfile, gatewayTopicAliases } from './broker-profiles.ts';
import { defaultReceiveMaximum } from './capabilities.ts';
import type { Connack } from './connack-packet.ts';
import type { ConnectQuestion, UpstreamConnect } from './connect-adaptation.ts';
import { maxPacketBytes } from './control-packet.ts';
import {
  propertyId,
  type RawProperty,
  uint8Property,
  uint16Property,
  uint32Property,
  utf8Property,
} from './properties.ts';
import { withoutProperties, withProperty } from './property-edits.ts';
import type { BrokerCapabilities, DeviceTerms } from './session-terms.ts';

type Told = DeviceTerms['told'];

/** What a device is promised at CONNACK, for the whole connection. */
export interface Announcement {
  readonly told: Told;
  /** Seconds. */
  readonly sessionExpiryInterval: number;
  readonly assignedClientId: string | undefined;
}

/** What an announcement is made from. */
export interface AnnouncementBasis {
  readonly question: ConnectQuestion;
  readonly upstream: UpstreamConnect;
  readonly connack: Connack;
  readonly listenerMaxPacketBytes: number;
  /** The cohort's other broker, when what is announced is the least of both. */
  readonly common?: BrokerProfile;
}

/** What MQTT 3.1 and 3.1.1 allow without a word. */
export const toldBefore5: Told = {
  receiveMaximum: defaultReceiveMaximum,
  maximumPacketSize: maxPacketBytes,
  maximumQos: 2,
  retainAvailable: true,
  topicAliasMaximum: 0,
  sharedSubscriptions: true,
  wildcardSubscriptions: true,
  subscriptionIdentifiers: false,
};

/** What a device of MQTT 5 is told: what the broker does, and what the gateway does in its place. */
export function toldByConnack(basis: AnnouncementBasis, capabilities: BrokerCapabilities): Told {
  const { profile } = basis.question;
  const { common } = basis;
  return {
    receiveMaximum: Math.min(capabilities.receiveMaximum, common?.inflightFromDevice ?? defaultReceiveMaximum),
    maximumPacketSize: Math.min(
      capabilities.maximumPacketSize,
      basis.listenerMaxPacketBytes,
      common?.maxPacketBytes ?? maxPacketBytes,
    ),
    // The gateway ends QoS 2 where the profile has none. A broker without any acknowledgement leaves it nothing to end.
    maximumQos: profile.maximumQos === 1 && capabilities.maximumQos === 1 ? 2 : capabilities.maximumQos,
    retainAvailable: capabilities.retainAvailable,
    topicAliasMaximum: toldTopicAliases(basis),
    sharedSubscriptions: capabilities.sharedSubscriptions && common?.sharedSubscriptions !== false,
    wildcardSubscriptions: capabilities.wildcardSubscriptions,
    // Emulated where the profile has none; a broker that could and will not is believed.
    subscriptionIdentifiers: isEmulatingIdentifiers(basis) || capabilities.subscriptionIdentifiers,
  };
}

/** The properties of the device's CONNACK: the broker's as they came, but for what `announcement` has otherwise. */
export function announcedProperties(basis: AnnouncementBasis, announcement: Announcement): readonly RawProperty[] {
  const { connect } = basis.question;
  const { told, sessionExpiryInterval, assignedClientId } = announcement;
  const said = (id: number) => basis.connack.properties?.number(id);
  const packetSizeSaid = Math.min(said(propertyId.maximumPacketSize) ?? maxPacketBytes, maxPacketBytes);
  const edits: readonly (RawProperty | false)[] = [
    sessionExpiryInterval !== (said(propertyId.sessionExpiryInterval) ?? connect.sessionExpiryInterval) &&
      uint32Property(propertyId.sessionExpiryInterval, sessionExpiryInterval),
    // Without an ID in the upstream's CONNECT the broker's property is already there.
    assignedClientId !== undefined &&
      basis.upstream.clientId !== '' &&
      utf8Property(propertyId.assignedClientIdentifier, assignedClientId),
    told.receiveMaximum < (said(propertyId.receiveMaximum) ?? defaultReceiveMaximum) &&
      uint16Property(propertyId.receiveMaximum, told.receiveMaximum),
    told.topicAliasMaximum !== (said(propertyId.topicAliasMaximum) ?? 0) &&
      uint16Property(propertyId.topicAliasMaximum, told.topicAliasMaximum),
    told.maximumQos < (said(propertyId.maximumQos) ?? 2) && uint8Property(propertyId.maximumQos, told.maximumQos),
    told.maximumPacketSize < packetSizeSaid && uint32Property(propertyId.maximumPacketSize, told.maximumPacketSize),
    !told.sharedSubscriptions && uint8Property(propertyId.sharedSubscriptionAvailable, 0),
  ];
  const start = basis.upstream.protocol === '5' ? saidProperties(basis, told) : ownProperties;
  return edits.filter((edit) => edit !== false).reduce(withProperty, start);
}

/** What the gateway offers where the broker has no words for it; these are the defaults, spelled out. */
const ownProperties: readonly RawProperty[] = [
  uint8Property(propertyId.retainAvailable, 1),
  uint8Property(propertyId.wildcardSubscriptionAvailable, 1),
  uint8Property(propertyId.subscriptionIdentifierAvailable, 1),
  uint8Property(propertyId.sharedSubscriptionAvailable, 1),
];

/** What the broker said, without what is not true at the gateway. */
function saidProperties({ question, upstream, connack }: AnnouncementBasis, told: Told): readonly RawProperty[] {
  const isIdentifierDenied = connack.properties?.number(propertyId.subscriptionIdentifierAvailable) === 0;
  const hidden = [
    // Which broker a device has is the plan's matter: it is never told to look for another.
    propertyId.serverReference,
    ...(upstream.clientId === '' ? [] : [propertyId.assignedClientIdentifier]),
    ...(question.profile.responseInformation ? [] : [propertyId.responseInformation]),
    ...(told.maximumQos === 2 ? [propertyId.maximumQos] : []),
    ...(told.subscriptionIdentifiers && isIdentifierDenied ? [propertyId.subscriptionIdentifierAvailable] : []),
  ];
  return withoutProperties(connack.properties?.list ?? [], hidden);
}

/** Aliases end at the gateway, so its own number would do; the broker's is kept where it is known, for the device's sake. */
function toldTopicAliases({ question, upstream, connack }: AnnouncementBasis): number {
  if (upstream.protocol !== '5') return gatewayTopicAliases;
  return question.profile.announcedTopicAliases ?? connack.properties?.number(propertyId.topicAliasMaximum) ?? 0;
}

function isEmulatingIdentifiers({ question, upstream }: AnnouncementBasis): boolean {
  return upstream.protocol !== '5' || !question.profile.subscriptionIdentifiers;
}
