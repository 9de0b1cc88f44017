import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type BrokerProfile, brokerProfiles } from '../../src/mqtt/broker-profiles.ts';
import { adaptConnack, type ConnackAdaptation, type ConnackQuestion } from '../../src/mqtt/connack-adaptation.ts';
import { type Connack, decodeConnack, encodeConnack } from '../../src/mqtt/connack-packet.ts';
import { adaptConnect } from '../../src/mqtt/connect-adaptation.ts';
import { encodeConnect } from '../../src/mqtt/connect-encoding.ts';
import { decodeConnect } from '../../src/mqtt/connect-packet.ts';
import { maxPacketBytes, type ProtocolVersion } from '../../src/mqtt/control-packet.ts';
import { propertyId, type RawProperty } from '../../src/mqtt/properties.ts';
import { withoutProperties } from '../../src/mqtt/property-edits.ts';
import { anyProfile, anyQuestion } from './connect-arbitraries.ts';
import { anyConnack, versions } from './packet-arbitraries.ts';

interface Answered {
  readonly input: ConnackQuestion;
  readonly adapted: ConnackAdaptation;
  /** What the device reads. */
  readonly read: Connack;
}

const anyBasis = fc.constantFrom(...versions).chain((device) =>
  fc.record({
    question: anyQuestion(device),
    listenerMaxPacketBytes: fc.constantFrom(65_536, maxPacketBytes),
    common: fc.option(anyProfile, { nil: undefined }),
    recordedSession: fc.boolean(),
    answers: fc.record({ '3.1': anyConnack('3.1'), '3.1.1': anyConnack('3.1.1'), '5': anyConnack('5') }),
    isAccepted: fc.boolean(),
  }),
);

/** Every answer of every broker to every device. */
function forEveryAnswer(check: (answered: Answered) => void): void {
  fc.assert(
    fc.property(anyBasis, ({ answers, isAccepted, common, ...rest }) => {
      const upstream = adaptConnect(rest.question);
      fc.pre(upstream.ok);
      const { protocol } = upstream.value;
      const fields = answers[protocol];
      const packet = encodeConnack(protocol, { ...fields, code: isAccepted ? 0 : fields.code });
      const connack = decodeConnack(packet, protocol);
      assert.ok(connack !== undefined);
      const input = { ...rest, upstream: upstream.value, connack, ...(common === undefined ? {} : { common }) };
      const adapted = adaptConnack(input);
      const read = decodeConnack(adapted.packet, rest.question.connect.protocol);
      assert.ok(read !== undefined, adapted.packet.toString('hex'));
      check({ input, adapted, read });
    }),
    { numRuns: 600 },
  );
}

describe('adaptConnack', () => {
  test('is four bytes before MQTT 5, and 3.1 hears of no session', () => {
    forEveryAnswer(({ input, adapted }) => {
      const { protocol } = input.question.connect;
      if (protocol !== '5') assert.equal(adapted.packet.length, 4);
      if (protocol === '3.1') assert.equal(adapted.packet[2], 0);
    });
  });

  test('accepts what the broker accepts, and sends nobody elsewhere', () => {
    forEveryAnswer(({ input, adapted, read }) => {
      assert.equal(adapted.accepted, input.connack.code === 0);
      assert.equal(read.code === 0, input.connack.code === 0);
      assert.ok(read.code !== 0x9c && read.code !== 0x9d);
      assert.equal(read.properties?.has(propertyId.serverReference) ?? false, false);
      if (input.question.connect.protocol !== '5') assert.ok(read.code <= 5);
    });
  });

  test('tells a device of MQTT 5 what its terms say, and nothing that the broker cannot keep', () => {
    forEveryAnswer(({ input, adapted, read }) => {
      if (!adapted.accepted || adapted.device.protocol !== '5') return;
      const { told } = adapted.device;
      const { capabilities } = adapted.upstreamTerms;
      assert.deepEqual(told, readTold(read));
      assert.ok(
        told.receiveMaximum <= Math.min(capabilities.receiveMaximum, input.question.profile.inflightFromDevice),
      );
      assert.ok(told.maximumPacketSize <= Math.min(capabilities.maximumPacketSize, input.listenerMaxPacketBytes));
      assert.ok(!told.retainAvailable || capabilities.retainAvailable);
      assert.ok(!told.wildcardSubscriptions || capabilities.wildcardSubscriptions);
      assert.ok(!told.sharedSubscriptions || capabilities.sharedSubscriptions);
      const emulatesQos2 = input.question.profile.maximumQos === 1 && capabilities.maximumQos === 1;
      assert.ok(emulatesQos2 || told.maximumQos <= capabilities.maximumQos);
    });
  });

  test('tells the least of both brokers where the cohort wants that', () => {
    forEveryAnswer(({ input, adapted }) => {
      const { common } = input;
      if (!adapted.accepted || adapted.device.protocol !== '5' || common === undefined) return;
      const { told } = adapted.device;
      assert.ok(told.receiveMaximum <= common.inflightFromDevice && told.maximumPacketSize <= common.maxPacketBytes);
      assert.ok(adapted.sessionExpiryInterval <= common.maxSessionExpirySeconds);
    });
  });

  test('tells the session expiry that holds', () => {
    forEveryAnswer(({ input, adapted, read }) => {
      const { connect } = input.question;
      if (!adapted.accepted || connect.protocol !== '5') return;
      assert.equal(read.sessionExpiryInterval ?? connect.sessionExpiryInterval, adapted.sessionExpiryInterval);
      const granted = input.connack.sessionExpiryInterval ?? input.upstream.session.expirySeconds;
      assert.ok(adapted.sessionExpiryInterval <= granted);
    });
  });

  test('names the client as it named itself, and tells a device of MQTT 5 the name that it was given', () => {
    forEveryAnswer(({ input, adapted, read }) => {
      const { connect } = input.question;
      if (!adapted.accepted) return;
      if (connect.clientId !== '') assert.equal(adapted.device.clientId, connect.clientId);
      if (input.upstream.clientId === '') return;
      const isGiven = connect.clientId === '' && connect.protocol === '5';
      assert.equal(read.assignedClientId, isGiven ? input.upstream.clientId : undefined);
    });
  });

  test('is byte for byte what a broker of MQTT 5 said where nothing is adapted', () => {
    fc.assert(
      fc.property(anyQuestion('5'), anyConnack('5'), (asked, answer) => {
        const clientId = asked.connect.clientId === '' ? 'm' : asked.connect.clientId;
        const connect = { ...asked.connect, clientId, cleanStart: false };
        const question = {
          ...asked,
          connect,
          profile: brokerProfiles.mqtt,
          versions: ['5'],
          sessionExpired: false,
        } as const;
        const upstream = adaptConnect(question);
        fc.pre(upstream.ok && answer.code !== 0x9c && answer.code !== 0x9d);
        const hidden = [propertyId.serverReference, propertyId.assignedClientIdentifier];
        const properties = withoutProperties(answer.properties, hidden);
        const packet = encodeConnack('5', { ...answer, properties });
        fc.pre(packet.length <= (connect.properties?.number(propertyId.maximumPacketSize) ?? maxPacketBytes));
        const connack = decodeConnack(packet, '5');
        assert.ok(connack !== undefined);
        const input = { question, upstream: upstream.value, connack, listenerMaxPacketBytes: maxPacketBytes };
        assert.deepEqual(adaptConnack(input).packet, packet);
      }),
      { numRuns: 500 },
    );
  });

  test('tells a device before MQTT 5 nothing, and its terms are what MQTT allows', () => {
    const adapted = answer({ device: '3.1.1', upstream: '5', code: 0 });
    assert.ok(adapted.accepted);
    assert.deepEqual(adapted.device.told, {
      receiveMaximum: 65_535,
      maximumPacketSize: maxPacketBytes,
      maximumQos: 2,
      retainAvailable: true,
      topicAliasMaximum: 0,
      sharedSubscriptions: true,
      wildcardSubscriptions: true,
      subscriptionIdentifiers: false,
    });
  });
});

describe('the codes of a refusal', () => {
  const fromReason: readonly [reason: number, code: number][] = [
    ...[0x80, 0x81, 0x82, 0x83, 0x88, 0x89, 0x90, 0x95, 0x97, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9f].map(
      (reason) => [reason, 3] as [number, number],
    ),
    [0x84, 1],
    [0x85, 2],
    [0x86, 4],
    [0x8c, 4],
    [0x87, 5],
    [0x8a, 5],
  ];
  for (const [reason, code] of fromReason) {
    test(`0x${reason.toString(16)} of MQTT 5 is ${code} before it`, () => {
      for (const device of ['3.1', '3.1.1'] as const) {
        const adapted = answer({ device, upstream: '5', code: reason });
        assert.deepEqual([...adapted.packet], [0x20, 2, 0, code]);
      }
    });
  }

  for (const [index, reason] of [0x84, 0x85, 0x88, 0x86, 0x87].entries()) {
    test(`${index + 1} before MQTT 5 is 0x${reason.toString(16)} in it`, () => {
      for (const upstream of ['3.1', '3.1.1'] as const) {
        const adapted = answer({ device: '5', upstream, code: index + 1 });
        assert.deepEqual([...adapted.packet], [0x20, 3, 0, reason, 0]);
      }
    });
  }
});

function answer(parts: {
  readonly device: ProtocolVersion;
  readonly upstream: ProtocolVersion;
  readonly code: number;
  readonly profile?: BrokerProfile;
  readonly listenerMaxPacketBytes?: number;
  readonly undeliverable?: 'refuse' | 'acknowledge';
}) {
  const properties: readonly RawProperty[] = [];
  const fields = { bridge: false, clientId: 'm', cleanStart: true, keepAliveSeconds: 60, properties };
  const connect = decodeConnect(encodeConnect({ protocol: parts.device, ...fields }));
  assert.ok(connect.ok);
  const { profile = brokerProfiles.mqtt, listenerMaxPacketBytes = maxPacketBytes, undeliverable = 'refuse' } = parts;
  const question = {
    connect: connect.value,
    profile,
    versions: [parts.upstream],
    generatedClientId: 'generated-1',
    sessionExpired: false,
  };
  const upstream = adaptConnect(question);
  assert.ok(upstream.ok);
  const packet = encodeConnack(parts.upstream, { code: parts.code, sessionPresent: false, properties: [] });
  const connack = decodeConnack(packet, parts.upstream);
  assert.ok(connack !== undefined);
  return adaptConnack({ question, upstream: upstream.value, connack, listenerMaxPacketBytes, undeliverable });
}

describe("what is told of a device's packets", () => {
  const aws = brokerProfiles['aws-iot-core'].maxPacketBytes;
  const rows: [listener: number, profile: BrokerProfile, undeliverable: 'refuse' | 'acknowledge', bytes: number][] = [
    [maxPacketBytes, brokerProfiles.mqtt, 'refuse', maxPacketBytes],
    [maxPacketBytes, brokerProfiles['aws-iot-core'], 'refuse', aws],
    [100_000, brokerProfiles['aws-iot-core'], 'refuse', 100_000],
    // It has to come in before it can be recorded.
    [maxPacketBytes, brokerProfiles['aws-iot-core'], 'acknowledge', maxPacketBytes],
  ];
  for (const [listenerMaxPacketBytes, profile, undeliverable, bytes] of rows) {
    test(`${undeliverable}: ${bytes} of ${listenerMaxPacketBytes} and ${profile.maxPacketBytes}`, () => {
      const parts = { device: '3.1.1', upstream: '3.1.1', code: 0 } as const;
      const adapted = answer({ ...parts, profile, listenerMaxPacketBytes, undeliverable });
      assert.ok(adapted.accepted);
      const { upstreamTerms } = adapted;
      assert.deepEqual([upstreamTerms.undeliverable, upstreamTerms.maxPacketBytes], [undeliverable, bytes]);
    });
  }
});

/** What a device of MQTT 5 takes from its CONNACK (§3.2.2.3). */
function readTold({ properties }: Connack) {
  const said = (id: number, otherwise: number) => properties?.number(id) ?? otherwise;
  return {
    receiveMaximum: said(propertyId.receiveMaximum, 65_535),
    maximumPacketSize: Math.min(said(propertyId.maximumPacketSize, maxPacketBytes), maxPacketBytes),
    maximumQos: said(propertyId.maximumQos, 2),
    retainAvailable: said(propertyId.retainAvailable, 1) === 1,
    topicAliasMaximum: said(propertyId.topicAliasMaximum, 0),
    sharedSubscriptions: said(propertyId.sharedSubscriptionAvailable, 1) === 1,
    wildcardSubscriptions: said(propertyId.wildcardSubscriptionAvailable, 1) === 1,
    subscriptionIdentifiers: said(propertyId.subscriptionIdentifierAvailable, 1) === 1,
  };
}
