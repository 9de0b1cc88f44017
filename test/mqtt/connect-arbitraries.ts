import fc from 'fast-check';
import { type BrokerProfile, brokerProfiles } from '../../src/mqtt/broker-profiles.ts';
import type { ConnectQuestion } from '../../src/mqtt/connect-adaptation.ts';
import { encodeConnect } from '../../src/mqtt/connect-encoding.ts';
import { decodeConnect } from '../../src/mqtt/connect-packet.ts';
import type { ProtocolVersion } from '../../src/mqtt/control-packet.ts';
import { propertyId } from '../../src/mqtt/properties.ts';
import { withoutProperties } from '../../src/mqtt/property-edits.ts';
import { anyConnect, anyText, versions } from './packet-arbitraries.ts';

export const anyProfile = fc.constantFrom<BrokerProfile>(brokerProfiles.mqtt, brokerProfiles['aws-iot-core']);

const anyClientId = fc.oneof(
  { weight: 4, arbitrary: anyText(30, 1) },
  fc.constantFrom('', '$meter', 'x'.repeat(129), 'y'.repeat(24)),
);
const authentication = [propertyId.authenticationMethod, propertyId.authenticationData];

export function anyQuestion(device: ProtocolVersion): fc.Arbitrary<ConnectQuestion> {
  return fc
    .record({
      fields: anyConnect(device),
      clientId: anyClientId,
      profile: anyProfile,
      versions: fc.shuffledSubarray([...versions], { minLength: 1 }),
      sessionExpired: fc.boolean(),
    })
    .map(({ fields, clientId, ...question }) => {
      const properties = withoutProperties(fields.properties, authentication);
      const isAnonymous = clientId === '' && (device === '5' || (device === '3.1.1' && fields.cleanStart));
      const ownId = clientId === '' && !isAnonymous ? 'named' : clientId;
      const decoded = decodeConnect(encodeConnect({ ...fields, properties, clientId: ownId }));
      if (!decoded.ok) throw new Error(decoded.error.message);
      return { ...question, connect: decoded.value, generatedClientId: 'generated-1' };
    });
}
