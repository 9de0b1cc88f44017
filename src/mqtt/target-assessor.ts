import type { AdaptationKind, Finding, Obstacle } from './adaptation-kind.ts';
import { type BrokerProfile, topicObstacle } from './broker-profiles.ts';
import { adaptConnect } from './connect-adaptation.ts';
import type { ConnectPacket } from './connect-packet.ts';
import type { ProtocolVersion } from './control-packet.ts';
import { HeldFilters } from './held-filters.ts';
import { adaptationBit, obstacleBit } from './kind-bits.ts';
import type { SubscribePacket, SubscriptionRequest } from './subscribe-packet.ts';
import { parseTopicFilter } from './topic.ts';
import { chooseVersion } from './version-choice.ts';

/** What a PUBLISH of the device says, read in place; `topic` is called only when there is something to tell. */
export interface AssessedPublish {
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  readonly topicBytes: number;
  readonly topicSlashes: number;
  readonly beginsWithDollar: boolean;
  readonly payloadBytes: number;
  readonly hasTopicAlias: boolean;
  readonly topic: () => string;
}

/** The target as this device would meet it. */
export interface TargetVersions {
  /** The device's own. */
  readonly protocol: ProtocolVersion;
  /** The target's: the configuration's, else its profile's. */
  readonly versions: readonly ProtocolVersion[];
}

const renewEveryMs = 86_400_000;

/** Characters of an example. */
export const exampleCharacters = 120;
/** Topics beginning with `$` that are read on one connection; by then it is known what the device uses them for. */
const dollarTopicsRead = 16;
/** Stands for the client ID that a device without one would be given; it is never sent. */
const generatedClientId = 'x';

/**
 * Judges what a device does on its source by what the cohort's target could not carry or would need adapted. Each kind
 * is reported once, until a day has passed. It refuses and changes nothing.
 */
export class TargetAssessor {
  readonly #target: BrokerProfile;
  readonly #versions: readonly ProtocolVersion[];
  /** The target would be spoken to in MQTT 5. */
  readonly #has5: boolean;
  readonly #report: (finding: Finding) => void;
  readonly #filters: HeldFilters;
  readonly #maximumQos: number;
  readonly #maxTopicBytes: number;
  readonly #maxTopicSlashes: number;
  readonly #maxPayloadBytes: number;
  readonly #publishesPerSecond: number;
  #renewedAtMs: number | undefined;
  #adaptationsNoted = 0;
  #obstaclesNoted = 0;
  /** Obstacles that hold as long as the connection or a subscription does. */
  readonly #standing: Finding[] = [];
  #dollarTopicsLeft: number;
  #secondBeganMs = Number.NEGATIVE_INFINITY;
  #publishesInSecond = 0;

  constructor(target: BrokerProfile, terms: TargetVersions, report: (finding: Finding) => void) {
    const { protocol, versions } = terms;
    this.#target = target;
    this.#versions = versions;
    this.#has5 = chooseVersion(protocol, versions) === '5';
    this.#report = report;
    this.#filters = new HeldFilters(target);
    this.#maximumQos = target.maximumQos;
    this.#maxTopicBytes = target.maxTopicBytes;
    this.#maxTopicSlashes = target.maxTopicSlashes;
    this.#maxPayloadBytes = target.maxPayloadBytes;
    this.#publishesPerSecond = target.publishesPerSecond;
    this.#dollarTopicsLeft = dollarTopicsRead;
  }

  noteConnect(connect: ConnectPacket): void {
    const adapted = adaptConnect({
      connect,
      profile: this.#target,
      versions: this.#versions,
      generatedClientId,
      sessionExpired: false,
    });
    if (!adapted.ok) {
      const { obstacle, message } = adapted.error;
      this.#obstruct(obstacle, message, true);
      return;
    }
    for (const kind of adapted.value.adaptations) this.#adapt(kind, connectExample(kind, connect));
    // Before MQTT 5 a session has no field for it, and the target ends it sooner without a word.
    if (connect.sessionExpiryInterval > this.#target.maxSessionExpirySeconds) {
      this.#adapt('session-expiry', connectExample('session-expiry', connect));
    }
  }

  /** `nowMs` lets the publish rate be judged, of what the device sends alone. Integer comparisons, no allocation. */
  notePublish(publish: AssessedPublish, nowMs?: number): void {
    if (publish.qos > this.#maximumQos) this.#adaptPublish('qos2-publish', publish);
    if (publish.beginsWithDollar) {
      if (this.#dollarTopicsLeft > 0) this.#readDollarTopic(publish);
    } else {
      if (publish.topicBytes > this.#maxTopicBytes) this.#obstructPublish('topic-length', publish);
      if (publish.topicSlashes > this.#maxTopicSlashes) this.#obstructPublish('topic-depth', publish);
    }
    if (publish.payloadBytes > this.#maxPayloadBytes) this.#obstructPublish('payload-size', publish);
    if (publish.hasTopicAlias) this.#adaptPublish('topic-alias', publish);
    if (nowMs !== undefined) this.#noteRate(publish, nowMs);
  }

  /** Packets came behind CONNECT, before its CONNACK. */
  notePipelined(): void {
    if (!this.#target.takesPipelined) this.#adapt('pipelined', 'packets behind CONNECT');
  }

  /** QoS 1 and 2 PUBLISH packets of the device that wait for their acknowledgement. */
  noteInflight(exchanges: number): void {
    if (exchanges > this.#target.inflightFromDevice) this.#adapt('inflight-window', `${exchanges} in flight`);
  }

  noteSubscribe({
    requests,
    subscriptionIdentifier,
  }: Pick<SubscribePacket, 'requests' | 'subscriptionIdentifier'>): void {
    const { filtersPerSubscribe, subscriptionsPerConnection } = this.#target;
    if (requests.length > filtersPerSubscribe) this.#adapt('split-subscribe', `${requests.length} filters`);
    if (subscriptionIdentifier !== undefined && !(this.#has5 && this.#target.subscriptionIdentifiers)) {
      this.#adapt('subscription-identifier', String(subscriptionIdentifier));
    }
    for (const request of requests) this.#noteSubscription(request);
    const held = this.#filters.count();
    if (held > subscriptionsPerConnection) {
      this.#obstruct('subscriptions', `more than ${subscriptionsPerConnection} subscriptions`, true);
    }
  }

  noteUnsubscribe({ filters }: { readonly filters: readonly string[] }): void {
    if (filters.length > this.#target.filtersPerUnsubscribe) {
      this.#adapt('split-unsubscribe', `${filters.length} filters`);
    }
    for (const filter of filters) this.#filters.forget(filter);
  }

  /** The source gave the device a retained message; `matchedWildcardOnly`: no filter of the device is the topic itself. */
  noteRetainedDelivery(topic: string, matchedWildcardOnly: boolean): void {
    if (matchedWildcardOnly && !this.#target.retainedOnWildcard) this.#obstruct('retained-on-wildcard', topic);
  }

  /** Once a day everything counts as new: a connection may live longer than an obstacle is remembered. */
  handleTick(nowMs: number): void {
    this.#renewedAtMs ??= nowMs;
    if (nowMs - this.#renewedAtMs < renewEveryMs) return;
    this.#renewedAtMs = nowMs;
    this.#renew();
  }

  /**
   * Reports anew what is seen from now on, and at once what still stands of CONNECT and subscriptions. For connections
   * that live longer than an obstacle is remembered.
   */
  #renew(): void {
    this.#adaptationsNoted = 0;
    this.#obstaclesNoted = 0;
    this.#dollarTopicsLeft = dollarTopicsRead;
    for (const finding of this.#standing) {
      if (finding.verdict === 'cannot') this.#obstaclesNoted |= obstacleBit[finding.kind];
      this.#report(finding);
    }
  }

  #noteSubscription(request: SubscriptionRequest): void {
    const { filter: asked, qos, noLocal, retainAsPublished, retainHandling } = request;
    const target = this.#target;
    const { shareName, filter } = parseTopicFilter(asked);
    if (shareName !== undefined && !target.sharedSubscriptions) this.#obstruct('shared-subscription', asked, true);
    const obstacle = topicObstacle(filter, target);
    if (obstacle !== undefined) this.#obstruct(obstacle, asked, true);
    if (qos > this.#maximumQos) this.#adapt('qos2-subscription', asked);
    if (!target.multiLevelMatchesParent && filter.endsWith('/#')) this.#adapt('parent-level', asked);
    if (noLocal && !(this.#has5 && target.noLocal)) this.#adapt('no-local', asked);
    if (retainHandling !== 0 && !(this.#has5 && target.retainHandling)) this.#adapt('retain-handling', asked);
    if (retainAsPublished && !(this.#has5 && target.retainAsPublished)) {
      this.#obstruct('retain-as-published', asked, true);
    }
    this.#filters.hold(asked);
  }

  #readDollarTopic(publish: AssessedPublish): void {
    this.#dollarTopicsLeft -= 1;
    const topic = publish.topic();
    const obstacle = topicObstacle(topic, this.#target);
    if (obstacle !== undefined) this.#obstruct(obstacle, topic);
  }

  #noteRate(publish: AssessedPublish, nowMs: number): void {
    if (nowMs - this.#secondBeganMs >= 1000) {
      this.#secondBeganMs = nowMs;
      this.#publishesInSecond = 0;
    }
    this.#publishesInSecond += 1;
    if (this.#publishesInSecond > this.#publishesPerSecond) this.#adaptPublish('publish-rate', publish);
  }

  #adaptPublish(kind: AdaptationKind, publish: AssessedPublish): void {
    if ((this.#adaptationsNoted & adaptationBit[kind]) === 0) this.#adapt(kind, publish.topic());
  }

  #obstructPublish(kind: Obstacle, publish: AssessedPublish): void {
    if ((this.#obstaclesNoted & obstacleBit[kind]) !== 0) return;
    const size = kind === 'payload-size' ? `${publish.payloadBytes} bytes on ` : '';
    this.#obstruct(kind, `${size}${publish.topic()}`);
  }

  #adapt(kind: AdaptationKind, example: string): void {
    const bit = adaptationBit[kind];
    if ((this.#adaptationsNoted & bit) !== 0) return;
    this.#adaptationsNoted |= bit;
    this.#report({ verdict: 'adapt', kind, example: shortened(example) });
  }

  #obstruct(kind: Obstacle, example: string, isStanding = false): void {
    const bit = obstacleBit[kind];
    if ((this.#obstaclesNoted & bit) !== 0) return;
    this.#obstaclesNoted |= bit;
    const finding: Finding = { verdict: 'cannot', kind, example: shortened(example) };
    if (isStanding && !this.#standing.some((other) => other.kind === kind)) this.#standing.push(finding);
    this.#report(finding);
  }
}

/** What of a CONNECT shows the kind; a topic, a client ID or a number. */
function connectExample(kind: AdaptationKind, connect: ConnectPacket): string {
  const { protocol, clientId, keepAliveSeconds, sessionExpiryInterval, will } = connect;
  switch (kind) {
    case 'protocol-version':
      return protocol;
    case 'client-id':
      return clientId === '' ? 'no client ID' : clientId;
    case 'keep-alive':
      return `${keepAliveSeconds} s`;
    case 'session-expiry':
      return sessionExpiryInterval === 0xffff_ffff ? 'for ever' : `${sessionExpiryInterval} s`;
    case 'qos2-will':
      return will?.topic ?? '';
    case 'will-delay':
      return `${will?.delaySeconds ?? 0} s`;
    default:
      return 'CONNECT';
  }
}

/** No half of a character at the cut. */
function shortened(example: string): string {
  if (example.length <= exampleCharacters) return example;
  return `${example.slice(0, exampleCharacters - 1).toWellFormed()}…`;
}
