import type { BrokerProfile } from './broker-profiles.ts';
import type { Connack } from './connack-packet.ts';
import { maxPacketBytes, type ProtocolVersion } from './control-packet.ts';
import { propertyId } from './properties.ts';
import type { BrokerCapabilities } from './session-terms.ts';

/** What holds where CONNACK says nothing (MQTT 5 §3.2.2.3.3), and always before MQTT 5. */
export const defaultReceiveMaximum = 65_535;

/** The broker's profile, narrowed by what its CONNACK says. Only MQTT 5 has words for it. */
export function brokerCapabilities(answer: {
  readonly profile: BrokerProfile;
  readonly protocol: ProtocolVersion;
  readonly connack: Connack;
  /** Seconds that the gateway asked for: what the broker says is its limit only where it is less. */
  readonly askedExpirySeconds: number;
}): BrokerCapabilities {
  const { profile, protocol, connack } = answer;
  const said = protocol === '5' ? connack.properties : undefined;
  const granted = said?.number(propertyId.sessionExpiryInterval) ?? answer.askedExpirySeconds;
  const has = (id: number) => said?.number(id) !== 0;
  return {
    maximumQos: lowerQos(profile.maximumQos, said?.number(propertyId.maximumQos)),
    retainAvailable: has(propertyId.retainAvailable),
    wildcardSubscriptions: has(propertyId.wildcardSubscriptionAvailable),
    subscriptionIdentifiers:
      protocol === '5' && profile.subscriptionIdentifiers && has(propertyId.subscriptionIdentifierAvailable),
    sharedSubscriptions: profile.sharedSubscriptions && has(propertyId.sharedSubscriptionAvailable),
    receiveMaximum: Math.min(
      profile.inflightFromDevice,
      said?.number(propertyId.receiveMaximum) ?? defaultReceiveMaximum,
    ),
    maximumPacketSize: Math.min(profile.maxPacketBytes, said?.number(propertyId.maximumPacketSize) ?? maxPacketBytes),
    maxSessionExpirySeconds: granted < answer.askedExpirySeconds ? granted : profile.maxSessionExpirySeconds,
  };
}

/** MQTT 5 §3.2.2.3.4: the property is 0 or 1 and absent for 2. */
function lowerQos(known: 0 | 1 | 2, said: number | undefined): 0 | 1 | 2 {
  if (said === 0 || known === 0) return 0;
  return said === 1 || known === 1 ? 1 : 2;
}
