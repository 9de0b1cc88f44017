import type { ConnectWill } from '../../mqtt/connect-packet.ts';
import { propertyId } from '../../mqtt/properties.ts';
import { type ApplicationMessage, messageExpiry, toRawProperties, type UserProperty } from './application-message.ts';

/** The message that a will becomes when it is published: at once, because AWS does not list Will Delay Interval. */
export function willMessage(will: ConnectWill, enrichment: readonly UserProperty[], nowMs: number): ApplicationMessage {
  const properties = will.properties;
  const expiry = properties.find(({ id }) => id === propertyId.messageExpiryInterval);
  const kept = properties.filter(
    ({ id }) => id !== propertyId.willDelayInterval && id !== propertyId.messageExpiryInterval,
  );
  return {
    topic: will.topic,
    payload: will.payload.reveal(),
    qos: will.qos === 0 ? 0 : 1,
    retain: will.retain,
    properties: [...kept, ...toRawProperties(enrichment)],
    expiresAtMs: messageExpiry(expiry?.bytes.readUInt32BE(), nowMs),
  };
}
