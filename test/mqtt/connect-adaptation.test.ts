import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { adaptationKinds } from '../../src/mqtt/adaptation-kind.ts';
import { topicObstacle } from '../../src/mqtt/broker-profiles.ts';
import { adaptConnect, type ConnectQuestion, type UpstreamConnect } from '../../src/mqtt/connect-adaptation.ts';
import { type ConnectPacket, decodeConnect } from '../../src/mqtt/connect-packet.ts';
import { propertyId, type RawProperty } from '../../src/mqtt/properties.ts';
import { chooseVersion } from '../../src/mqtt/version-choice.ts';
import { anyQuestion } from './connect-arbitraries.ts';
import { versions } from './packet-arbitraries.ts';

function decoded(packet: Buffer): ConnectPacket {
  const decoding = decodeConnect(packet);
  assert.ok(decoding.ok, JSON.stringify(decoding));
  return decoding.value;
}

/** Every question that a broker can be asked, with what it is asked. */
function forEveryConnect(check: (question: ConnectQuestion, upstream: UpstreamConnect, sent: ConnectPacket) => void) {
  const anyOne = fc.constantFrom(...versions).chain(anyQuestion);
  fc.assert(
    fc.property(anyOne, (question) => {
      const adapted = adaptConnect(question);
      const { will } = question.connect;
      if (adapted.ok) check(question, adapted.value, decoded(adapted.value.packet));
      else assert.equal(adapted.error.obstacle, will && topicObstacle(will.topic, question.profile));
    }),
    { numRuns: 500 },
  );
}

const ended: ReadonlySet<number> = new Set([propertyId.topicAliasMaximum, propertyId.requestResponseInformation]);
const rewritten: ReadonlySet<number> = new Set([propertyId.sessionExpiryInterval, propertyId.receiveMaximum]);

describe('adaptConnect', () => {
  test('always gives a CONNECT that decodes strictly, in a version of the broker', () => {
    const pairs = new Set<string>();
    forEveryConnect((question, upstream, sent) => {
      assert.equal(sent.protocol, upstream.protocol);
      assert.equal(sent.protocol, chooseVersion(question.connect.protocol, question.versions));
      pairs.add(`${question.connect.protocol} → ${sent.protocol}`);
      for (const packet of [upstream.purge, upstream.sessionEnd]) {
        if (packet !== undefined)
          assert.deepEqual([decoded(packet).cleanStart, decoded(packet).will], [true, undefined]);
      }
    });
    assert.equal(pairs.size, 9);
  });

  test('asks for nothing that the profile does not take', () => {
    forEveryConnect(({ profile }, upstream, sent) => {
      const said = (id: number) => sent.properties?.number(id);
      assert.ok(Buffer.byteLength(sent.clientId) <= profile.clientId.maxBytes);
      assert.ok(sent.clientId !== '' || profile.clientId.mayBeEmpty);
      assert.ok(profile.clientId.mayBeginWithDollar || !sent.clientId.startsWith('$'));
      assert.ok(sent.keepAliveSeconds >= profile.keepAliveSeconds.min);
      assert.ok(sent.keepAliveSeconds <= profile.keepAliveSeconds.max);
      assert.equal(sent.keepAliveSeconds, upstream.keepAliveSeconds);
      assert.ok((sent.will?.qos ?? 0) <= profile.maximumQos);
      assert.ok(
        profile.willDelay || sent.will?.properties.every(({ id }) => id !== propertyId.willDelayInterval) !== false,
      );
      assert.equal(said(propertyId.topicAliasMaximum), undefined);
      assert.ok(profile.responseInformation || said(propertyId.requestResponseInformation) === undefined);
      if (sent.protocol !== '5') return;
      assert.ok((said(propertyId.receiveMaximum) ?? 65_535) <= profile.inflightToDevice);
      assert.ok(sent.sessionExpiryInterval <= profile.maxSessionExpirySeconds);
    });
  });

  test('leaves the credentials and what the will says as they came', () => {
    forEveryConnect(({ connect }, _upstream, sent) => {
      assert.equal(sent.username ?? '', connect.username ?? '');
      assert.deepEqual(sent.password?.reveal(), connect.password?.reveal());
      assert.equal(sent.will?.topic, connect.will?.topic);
      assert.deepEqual(sent.will?.payload.reveal(), connect.will?.payload.reveal());
      assert.equal(sent.will?.retain, connect.will?.retain);
      if (sent.password !== undefined && sent.protocol !== '5') assert.notEqual(sent.username, undefined);
    });
  });

  test('keeps the order and the bytes of the properties that go on', () => {
    const others = (list: readonly RawProperty[] = []) => list.filter(({ id }) => !ended.has(id) && !rewritten.has(id));
    forEveryConnect(({ connect, profile }, _upstream, sent) => {
      if (connect.protocol !== '5' || sent.protocol !== '5') return;
      assert.deepEqual(others(sent.properties?.list), others(connect.properties?.list));
      if (profile.willDelay) assert.deepEqual(sent.will?.properties, connect.will?.properties);
    });
  });

  test('never lets a session live on, or be taken up, that the device let end', () => {
    forEveryConnect(({ connect, sessionExpired }, upstream, sent) => {
      const isFresh = connect.cleanStart || (connect.protocol === '5' && sessionExpired);
      if (isFresh) assert.ok(sent.cleanStart || upstream.purge !== undefined, 'the earlier session is ended');
      else assert.ok(!sent.cleanStart && upstream.purge === undefined, 'the earlier session is taken up');
      const isKeptFor = connect.protocol === '5' ? connect.sessionExpiryInterval : undefined;
      if (isKeptFor === 0) assert.ok(sent.sessionExpiryInterval === 0 || upstream.endsWithConnection);
      if (upstream.endsWithConnection) assert.notEqual(upstream.sessionEnd, undefined);
    });
  });

  test('waits for a will no longer than its delay and its session', () => {
    forEveryConnect(({ connect, profile }, upstream, sent) => {
      const delay = connect.will?.delaySeconds ?? 0;
      assert.ok(upstream.lossDelaySeconds <= Math.min(delay, connect.sessionExpiryInterval));
      const isBrokers = sent.protocol === '5' && profile.willDelay;
      if (isBrokers) assert.deepEqual([upstream.lossDelaySeconds, sent.will?.delaySeconds ?? 0], [0, delay]);
      assert.equal(upstream.adaptations.includes('will-delay'), upstream.lossDelaySeconds > 0);
    });
  });

  test('names each adaptation once, in the order of the kinds, and none where nothing is adapted', () => {
    forEveryConnect(({ connect }, upstream, sent) => {
      const order = upstream.adaptations.map((kind) => adaptationKinds.indexOf(kind));
      assert.deepEqual(
        order,
        [...new Set(order)].sort((one, other) => one - other),
      );
      assert.equal(upstream.adaptations.includes('protocol-version'), sent.protocol !== connect.protocol);
      assert.equal(upstream.adaptations.includes('client-id'), sent.clientId !== connect.clientId);
      assert.equal(upstream.adaptations.includes('qos2-will'), (connect.will?.qos ?? 0) > (sent.will?.qos ?? 0));
    });
  });

  test('keeps the bridge bit before MQTT 5 only, and only for brokers that know it', () => {
    forEveryConnect(({ connect, profile }, _upstream, sent) => {
      const isKnown = connect.protocol !== '5' && sent.protocol !== '5' && profile.bridges;
      assert.equal(sent.bridge, connect.bridge && isKnown);
    });
  });
});
