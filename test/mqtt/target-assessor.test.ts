import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AdaptationKind, Finding, Obstacle } from '../../src/mqtt/adaptation-kind.ts';
import { type BrokerProfile, brokerProfiles } from '../../src/mqtt/broker-profiles.ts';
import { type ConnectFields, encodeConnect } from '../../src/mqtt/connect-encoding.ts';
import { decodeConnect } from '../../src/mqtt/connect-packet.ts';
import type { ProtocolVersion } from '../../src/mqtt/control-packet.ts';
import { propertyId, uint32Property, utf8Property } from '../../src/mqtt/properties.ts';
import { Secret } from '../../src/mqtt/secret.ts';
import { type AssessedPublish, exampleCharacters, TargetAssessor } from '../../src/mqtt/target-assessor.ts';

const aws = brokerProfiles['aws-iot-core'];

interface Assessed {
  readonly assessor: TargetAssessor;
  readonly findings: Finding[];
  readonly kinds: () => readonly (AdaptationKind | Obstacle)[];
}

function assess(
  protocol: ProtocolVersion = '3.1.1',
  target: BrokerProfile = aws,
  versions: readonly ProtocolVersion[] = target.versions,
): Assessed {
  const findings: Finding[] = [];
  const assessor = new TargetAssessor(target, { protocol, versions }, (finding) => findings.push(finding));
  return { assessor, findings, kinds: () => findings.map(({ kind }) => kind) };
}

function connect(fields: Partial<ConnectFields> = {}) {
  const decoding = decodeConnect(
    encodeConnect({
      protocol: '3.1.1',
      bridge: false,
      clientId: 'meter-7',
      cleanStart: true,
      keepAliveSeconds: 60,
      properties: [],
      ...fields,
    }),
  );
  assert.ok(decoding.ok);
  return decoding.value;
}

function will(changes: Partial<NonNullable<ConnectFields['will']>> = {}) {
  return {
    topic: 'dt/meter-7',
    payload: new Secret(Buffer.from('gone')),
    qos: 1,
    retain: false,
    properties: [],
    ...changes,
  } as const;
}

function publish(topic: string, changes: Partial<AssessedPublish> = {}): AssessedPublish {
  return {
    qos: 1,
    retain: false,
    topicBytes: Buffer.byteLength(topic),
    topicSlashes: topic.split('/').length - 1,
    beginsWithDollar: topic.startsWith('$'),
    payloadBytes: 10,
    hasTopicAlias: false,
    topic: () => topic,
    ...changes,
  };
}

const plain = { qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;

describe('TargetAssessor', () => {
  const connects: readonly { name: string; fields: Partial<ConnectFields>; kinds: readonly string[] }[] = [
    { name: 'a plain device', fields: {}, kinds: [] },
    { name: 'MQTT 3.1', fields: { protocol: '3.1' }, kinds: ['protocol-version'] },
    { name: 'no keep alive', fields: { keepAliveSeconds: 0 }, kinds: ['keep-alive'] },
    { name: 'a keep alive that the target changes', fields: { keepAliveSeconds: 1_201 }, kinds: ['keep-alive'] },
    { name: 'a long client ID', fields: { clientId: 'ä'.repeat(65) }, kinds: ['client-id'] },
    { name: 'no client ID', fields: { clientId: '' }, kinds: ['client-id'] },
    { name: 'a session for ever', fields: { cleanStart: false }, kinds: ['session-expiry'] },
    { name: 'a QoS 2 will', fields: { will: will({ qos: 2 }) }, kinds: ['qos2-will'] },
    { name: 'a deep will', fields: { will: will({ topic: 'a/b/c/d/e/f/g/h/i' }) }, kinds: ['topic-depth'] },
    { name: 'a will on a reserved topic', fields: { will: will({ topic: '$SYS/x' }) }, kinds: ['reserved-topic'] },
    {
      name: 'enhanced authentication',
      fields: { protocol: '5', properties: [utf8Property(propertyId.authenticationMethod, 'SCRAM')] },
      kinds: ['enhanced-authentication'],
    },
    {
      name: 'a will delay',
      fields: {
        protocol: '5',
        properties: [uint32Property(propertyId.sessionExpiryInterval, 60)],
        will: will({ properties: [uint32Property(propertyId.willDelayInterval, 30)] }),
      },
      kinds: ['will-delay'],
    },
  ];
  for (const { name, fields, kinds } of connects) {
    it(`notes of CONNECT: ${name}`, () => {
      const { assessor, kinds: noted } = assess(fields.protocol);
      assessor.noteConnect(connect(fields));
      assert.deepEqual(noted(), kinds);
    });
  }

  const publishes: readonly { name: string; publish: AssessedPublish; kinds: readonly string[] }[] = [
    { name: 'a plain one', publish: publish('dt/meter-7'), kinds: [] },
    { name: 'QoS 2', publish: publish('dt/meter-7', { qos: 2 }), kinds: ['qos2-publish'] },
    { name: 'eight levels', publish: publish('a/b/c/d/e/f/g/h'), kinds: [] },
    { name: 'nine levels', publish: publish('a/b/c/d/e/f/g/h/i'), kinds: ['topic-depth'] },
    { name: '256 bytes of topic', publish: publish('ä'.repeat(128)), kinds: [] },
    { name: '257 bytes of topic', publish: publish(`${'ä'.repeat(128)}x`), kinds: ['topic-length'] },
    { name: 'a payload as large as it may be', publish: publish('dt', { payloadBytes: 131_072 }), kinds: [] },
    { name: 'a larger payload', publish: publish('dt', { payloadBytes: 131_073 }), kinds: ['payload-size'] },
    { name: 'a topic alias', publish: publish('dt', { hasTopicAlias: true }), kinds: ['topic-alias'] },
    { name: 'a topic of the target’s own', publish: publish('$aws/things/x/shadow/update'), kinds: [] },
    { name: 'basic ingest, measured behind its rule', publish: publish('$aws/rules/r/a/b/c/d/e/f/g/h'), kinds: [] },
    { name: 'another reserved topic', publish: publish('$SYS/x'), kinds: ['reserved-topic'] },
  ];
  for (const { name, publish: packet, kinds } of publishes) {
    it(`notes of PUBLISH: ${name}`, () => {
      const { assessor, kinds: noted } = assess();
      assessor.notePublish(packet);
      assert.deepEqual(noted(), kinds);
    });
  }

  it('reports each kind once, and does not read the topic again', () => {
    const { assessor, findings } = assess();
    let reads = 0;
    const counted = publish('a/b/c/d/e/f/g/h/i', {
      qos: 2,
      payloadBytes: 200_000,
      topic: () => {
        reads += 1;
        return 'a/b/c/d/e/f/g/h/i';
      },
    });
    for (let packet = 0; packet < 100; packet += 1) assessor.notePublish(counted, packet);
    assert.deepEqual(findings, [
      { verdict: 'adapt', kind: 'qos2-publish', example: 'a/b/c/d/e/f/g/h/i' },
      { verdict: 'cannot', kind: 'topic-depth', example: 'a/b/c/d/e/f/g/h/i' },
      { verdict: 'cannot', kind: 'payload-size', example: '200000 bytes on a/b/c/d/e/f/g/h/i' },
    ]);
    assert.equal(reads, 3);
  });

  it('reads no topic of a PUBLISH that the target takes as it is, and few that begin with $', () => {
    const { assessor } = assess();
    const unread = publish('dt/meter-7', { topic: () => assert.fail('the topic was read') });
    assessor.notePublish(unread, 0);
    let reads = 0;
    const shadow = publish('$aws/things/x/shadow/get', {
      topic: () => {
        reads += 1;
        return '$aws/things/x/shadow/get';
      },
    });
    for (let packet = 0; packet < 100; packet += 1) assessor.notePublish(shadow);
    assert.equal(reads, 16);
  });

  it('notes more PUBLISH packets in a second than the target takes', () => {
    const rows = [
      { perSecond: 100, kinds: [] },
      { perSecond: 101, kinds: ['publish-rate'] },
    ];
    for (const { perSecond, kinds } of rows) {
      const { assessor, kinds: noted } = assess();
      for (let second = 0; second < 3; second += 1) {
        for (let packet = 0; packet < perSecond; packet += 1) assessor.notePublish(publish('dt'), second * 1_000);
      }
      assert.deepEqual(noted(), kinds);
    }
  });

  const subscriptions: readonly {
    name: string;
    protocol?: ProtocolVersion;
    target?: BrokerProfile;
    requests: readonly (Partial<typeof plain> | object)[];
    identifier?: number;
    kinds: readonly string[];
  }[] = [
    { name: 'a plain one', requests: [{ filter: 'cmd/+' }], kinds: [] },
    { name: 'QoS 2', requests: [{ filter: 'cmd/+', qos: 2 }], kinds: ['qos2-subscription'] },
    { name: 'a parent level', requests: [{ filter: 'cmd/#' }], kinds: ['parent-level'] },
    { name: 'everything', requests: [{ filter: '#' }], kinds: [] },
    {
      name: 'nine filters',
      requests: Array.from({ length: 9 }, (_, n) => ({ filter: `cmd/${n}` })),
      kinds: ['split-subscribe'],
    },
    { name: 'a deep filter', requests: [{ filter: '+/+/+/+/+/+/+/+/+' }], kinds: ['topic-depth'] },
    { name: 'a deep one behind a share name', requests: [{ filter: '$share/g/+/+/+/+/+/+/+/+' }], kinds: [] },
    { name: 'a reserved filter', requests: [{ filter: '$SYS/#' }], kinds: ['reserved-topic', 'parent-level'] },
    { name: 'no local', protocol: '5', requests: [{ filter: 'a', noLocal: true }], kinds: ['no-local'] },
    {
      name: 'retain handling',
      protocol: '5',
      requests: [{ filter: 'a', retainHandling: 2 }],
      kinds: ['retain-handling'],
    },
    {
      name: 'retain as published',
      protocol: '5',
      requests: [{ filter: 'a', retainAsPublished: true }],
      kinds: ['retain-as-published'],
    },
    {
      name: 'an identifier',
      protocol: '5',
      requests: [{ filter: 'a' }],
      identifier: 7,
      kinds: ['subscription-identifier'],
    },
    {
      name: 'what MQTT 5 has on a target of MQTT 5',
      protocol: '5',
      target: brokerProfiles.mqtt,
      requests: [{ filter: 'a/#', qos: 2, noLocal: true, retainAsPublished: true, retainHandling: 1 }],
      identifier: 7,
      kinds: [],
    },
    {
      name: 'a shared subscription that the target has not',
      target: { ...aws, sharedSubscriptions: false },
      requests: [{ filter: '$share/g/a' }],
      kinds: ['shared-subscription'],
    },
  ];
  for (const { name, protocol, target, requests, identifier, kinds } of subscriptions) {
    it(`notes of SUBSCRIBE: ${name}`, () => {
      const { assessor, kinds: noted } = assess(protocol, target);
      assessor.noteSubscribe({
        requests: requests.map((request) => ({ filter: '', ...plain, ...request })),
        ...(identifier !== undefined && { subscriptionIdentifier: identifier }),
      });
      assert.deepEqual(noted(), kinds);
    });
  }

  it('counts subscriptions as the target would: 50 are taken, a parent level takes a place of its own', () => {
    const rows = [
      { name: '50', filters: numbered(50), kinds: [] },
      { name: '51', filters: numbered(51), kinds: ['subscriptions'] },
      {
        name: '49 and one with a parent level',
        filters: [...numbered(49), 'a/#'],
        kinds: ['parent-level', 'subscriptions'],
      },
      {
        name: '48, one with a parent level and that parent',
        filters: [...numbered(48), 'a/#', 'a'],
        kinds: ['parent-level'],
      },
    ];
    for (const { name, filters, kinds } of rows) {
      const { assessor, kinds: noted } = assess();
      for (const filter of filters) assessor.noteSubscribe({ requests: [{ filter, ...plain }] });
      for (const filter of filters) assessor.noteSubscribe({ requests: [{ filter, ...plain }] });
      assert.deepEqual(noted(), kinds, name);
    }
  });

  it('gives places back with UNSUBSCRIBE, and notes one with too many filters', () => {
    const { assessor, kinds } = assess();
    for (let round = 0; round < 5; round += 1) {
      const filters = numbered(8).map((filter) => `${round}/${filter}`);
      for (const filter of filters) assessor.noteSubscribe({ requests: [{ filter, ...plain }] });
    }
    for (let round = 0; round < 5; round += 1) {
      assessor.noteUnsubscribe({ filters: numbered(8).map((filter) => `${round}/${filter}`) });
    }
    for (const filter of numbered(50)) assessor.noteSubscribe({ requests: [{ filter, ...plain }] });
    assert.deepEqual(kinds(), []);
    assessor.noteUnsubscribe({ filters: numbered(9) });
    assert.deepEqual(kinds(), ['split-unsubscribe']);
  });

  it('notes retained messages that only a wildcard brought, packets behind CONNECT and a full window', () => {
    const { assessor, kinds } = assess();
    assessor.noteRetainedDelivery('state/7', false);
    assessor.noteInflight(100);
    assert.deepEqual(kinds(), []);
    assessor.noteRetainedDelivery('state/7', true);
    assessor.notePipelined();
    assessor.noteInflight(101);
    assert.deepEqual(kinds(), ['retained-on-wildcard', 'pipelined', 'inflight-window']);
  });

  it('has nothing to say of a target that can what MQTT can', () => {
    const { assessor, findings } = assess('3.1.1', brokerProfiles.mqtt);
    assessor.noteConnect(connect({ keepAliveSeconds: 0, will: will({ qos: 2 }), cleanStart: false }));
    assessor.notePublish(publish('$SYS/a/b/c/d/e/f/g/h/i/j', { qos: 2, payloadBytes: 1_000_000 }), 0);
    assessor.noteSubscribe({ requests: numbered(100).map((filter) => ({ filter: `${filter}/#`, ...plain, qos: 2 })) });
    assessor.noteRetainedDelivery('a', true);
    assessor.notePipelined();
    assert.deepEqual(findings, []);
  });

  it('cuts long examples, and not in the middle of a character', () => {
    const { assessor, findings } = assess();
    assessor.notePublish(publish(`${'x'.repeat(exampleCharacters - 2)}${'😀'.repeat(100)}`));
    const [finding] = findings;
    assert.equal(finding?.kind, 'topic-length');
    assert.ok(finding.example.length <= exampleCharacters);
    assert.ok(finding.example.isWellFormed());
  });

  it('renews once a day: what stands is told again at once, the rest when it is seen again', () => {
    const { assessor, findings, kinds } = assess();
    assessor.noteConnect(connect({ will: will({ topic: 'a/b/c/d/e/f/g/h/i' }) }));
    assessor.notePublish(publish('dt', { payloadBytes: 200_000 }));
    findings.length = 0;
    assessor.handleTick(5);
    assessor.handleTick(86_400_004);
    assert.deepEqual(kinds(), []);
    assessor.handleTick(86_400_005);
    assert.deepEqual(kinds(), ['topic-depth']);
    assessor.notePublish(publish('dt', { payloadBytes: 200_000 }));
    assessor.notePublish(publish('a/b/c/d/e/f/g/h/i'));
    assert.deepEqual(kinds(), ['topic-depth', 'payload-size']);
  });
});

function numbered(count: number): readonly string[] {
  return Array.from({ length: count }, (_, number) => `cmd/${number}`);
}
