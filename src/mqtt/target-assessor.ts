import type { AdaptationKind, Finding, Obstacle } from './adaptation-kind.ts';
import type { BrokerProfile } from './broker-profiles.ts';
import type { ConnectPacket } from './connect-packet.ts';
import type { ProtocolVersion } from './control-packet.ts';
import { HeldFilters } from './held-filters.ts';
import { adaptationBit, obstacleBit } from './kind-bits.ts';

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

/** What the assessor reads of a SUBSCRIBE. */
export interface AssessedSubscribe {
  readonly requests: readonly AssessedSubscription[];
  readonly subscriptionIdentifier?: number;
}

interface AssessedSubscription {
  readonly filter: string;
  readonly qos: 0 | 1 | 2;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly retainHandling: 0 | 1 | 2;
}

/** The target as this device would meet it. */
export interface TargetVersions {
  /** The device's own. */
  readonly protocol: ProtocolVersion;
  /** The target's: the configuration's, else its profile's. */
  readonly versions: readonly ProtocolVersion[];
}

/** Characters of an example. */
export const exampleCharacters = 120;
/** Topics beginning with `$` that are looked at on one connection; by then it is known what the device uses them for. */
const dollarTopicsLooked = 16;

/**
 * Judges what a device does on its source by what the cohort's target could not carry or would need adapted. Each kind
 * is reported once, until `renew`. It refuses and changes nothing.
 */
export class TargetAssessor {
  readonly #target: BrokerProfile;
  readonly #isSameVersion: boolean;
  /** The target would be spoken to in MQTT 5. */
  readonly #has5: boolean;
  readonly #has31Only: boolean;
  readonly #report: (finding: Finding) => void;
  readonly #filters: HeldFilters;
  readonly #maximumQos: number;
  readonly #maxTopicBytes: number;
  readonly #maxTopicSlashes: number;
  readonly #maxPayloadBytes: number;
  readonly #publishesPerSecond: number;
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
    this.#isSameVersion = versions.includes(protocol);
    this.#has5 = versions.includes('5') && (protocol === '5' || versions.every((version) => version === '5'));
    this.#has31Only = versions.every((version) => version === '3.1');
    this.#report = report;
    this.#filters = new HeldFilters(target);
    this.#maximumQos = target.maximumQos;
    this.#maxTopicBytes = target.maxTopicBytes;
    this.#maxTopicSlashes = target.maxTopicSlashes;
    this.#maxPayloadBytes = target.maxPayloadBytes;
    this.#publishesPerSecond = target.publishesPerSecond;
    this.#dollarTopicsLeft = target.dollarTopics === undefined ? 0 : dollarTopicsLooked;
  }

  noteConnect(connect: ConnectPacket): void {
    const { clientId, keepAliveSeconds, protocol } = connect;
    const { min, max } = this.#target.keepAliveSeconds;
    if (!this.#isSameVersion) this.#adapt('protocol-version', protocol);
    if (this.#isMapped(clientId)) this.#adapt('client-id', clientId);
    if (keepAliveSeconds < min || keepAliveSeconds > max) this.#adapt('keep-alive', `${keepAliveSeconds} s`);
    if (connect.authenticationMethod !== undefined) {
      this.#obstruct('enhanced-authentication', connect.authenticationMethod, true);
    }
    this.#noteSessionExpiry(connect);
    this.#noteWill(connect);
  }

  /** `nowMs` lets the publish rate be judged, of what the device sends alone. Integer comparisons, no allocation. */
  notePublish(publish: AssessedPublish, nowMs?: number): void {
    if (publish.qos > this.#maximumQos) this.#adaptPublish('qos2-publish', publish);
    if (publish.topicBytes > this.#maxTopicBytes) this.#obstructPublish('topic-length', publish);
    if (publish.topicSlashes > this.#maxTopicSlashes) this.#obstructPublish('topic-depth', publish);
    if (publish.payloadBytes > this.#maxPayloadBytes) this.#obstructPublish('payload-size', publish);
    if (publish.hasTopicAlias) this.#adaptPublish('topic-alias', publish);
    if (publish.beginsWithDollar && this.#dollarTopicsLeft > 0) this.#noteDollarTopic(publish);
    if (nowMs !== undefined) this.#noteRate(publish, nowMs);
  }

  /** Packets came behind CONNECT, before its CONNACK. */
  notePipelined(): void {
    if (!this.#target.takesPipelined) this.#adapt('pipelined', 'packets behind CONNECT');
  }

  noteSubscribe({ requests, subscriptionIdentifier }: AssessedSubscribe): void {
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

  /**
   * Reports anew what is seen from now on, and at once what still stands of CONNECT and subscriptions. For connections
   * that live longer than an obstacle is remembered.
   */
  renew(): void {
    this.#adaptationsNoted = 0;
    this.#obstaclesNoted = 0;
    this.#dollarTopicsLeft = this.#target.dollarTopics === undefined ? 0 : dollarTopicsLooked;
    for (const finding of this.#standing) {
      if (finding.verdict === 'cannot') this.#obstaclesNoted |= obstacleBit[finding.kind];
      this.#report(finding);
    }
  }

  #isMapped(clientId: string): boolean {
    const { maxBytes, mayBeginWithDollar, mayBeEmpty } = this.#target.clientId;
    if (clientId === '') return !mayBeEmpty || this.#has31Only;
    if (clientId.startsWith('$') && !mayBeginWithDollar) return true;
    // MQTT 3.1 §3.1: one to 23 characters.
    return Buffer.byteLength(clientId) > maxBytes || (this.#has31Only && clientId.length > 23);
  }

  #noteSessionExpiry({ protocol, sessionExpiryInterval }: ConnectPacket): void {
    const forEver = 0xffff_ffff;
    const isClamped = sessionExpiryInterval > this.#target.maxSessionExpirySeconds;
    const isEmulated =
      protocol === '5' && !this.#has5 && sessionExpiryInterval > 0 && sessionExpiryInterval !== forEver;
    if (!isClamped && !isEmulated) return;
    this.#adapt('session-expiry', sessionExpiryInterval === forEver ? 'for ever' : `${sessionExpiryInterval} s`);
  }

  #noteWill({ will }: ConnectPacket): void {
    if (will === undefined) return;
    const { maxPayloadBytes, willDelay } = this.#target;
    if (will.qos > this.#maximumQos) this.#adapt('qos2-will', will.topic);
    if (will.delaySeconds > 0 && !(this.#has5 && willDelay)) this.#adapt('will-delay', `${will.delaySeconds} s`);
    if (will.payloadBytes > maxPayloadBytes) this.#obstruct('will-size', `${will.payloadBytes} bytes`, true);
    this.#noteTopic(will.topic, will.topic);
  }

  #noteSubscription(request: AssessedSubscription): void {
    const { filter: asked, qos, noLocal, retainAsPublished, retainHandling } = request;
    const target = this.#target;
    const isShared = asked.startsWith('$share/');
    const filter = isShared ? withoutShareName(asked) : asked;
    if (isShared && !target.sharedSubscriptions) this.#obstruct('shared-subscription', asked, true);
    this.#noteTopic(filter, asked);
    if (qos > this.#maximumQos) this.#adapt('qos2-subscription', asked);
    if (!target.multiLevelMatchesParent && filter.endsWith('/#')) this.#adapt('parent-level', asked);
    if (noLocal && !(this.#has5 && target.noLocal)) this.#adapt('no-local', asked);
    if (retainHandling !== 0 && !(this.#has5 && target.retainHandling)) this.#adapt('retain-handling', asked);
    if (retainAsPublished && !(this.#has5 && target.retainAsPublished)) {
      this.#obstruct('retain-as-published', asked, true);
    }
    this.#filters.hold(asked);
  }

  /** A will's topic or a subscription's filter: what stands in `topic` is judged, `example` is told. */
  #noteTopic(topic: string, example: string): void {
    if (Buffer.byteLength(topic) > this.#maxTopicBytes) this.#obstruct('topic-length', example, true);
    if (slashesIn(topic) > this.#maxTopicSlashes) this.#obstruct('topic-depth', example, true);
    if (topic.startsWith('$') && this.#isReserved(topic)) this.#obstruct('reserved-topic', example, true);
  }

  #isReserved(topic: string): boolean {
    const { dollarTopics } = this.#target;
    return dollarTopics !== undefined && !dollarTopics.some((allowed) => topic.startsWith(allowed));
  }

  #noteDollarTopic(publish: AssessedPublish): void {
    this.#dollarTopicsLeft -= 1;
    if (!this.#isReserved(publish.topic())) return;
    this.#dollarTopicsLeft = 0;
    this.#obstructPublish('reserved-topic', publish);
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

function withoutShareName(filter: string): string {
  return filter.slice(filter.indexOf('/', '$share/'.length) + 1);
}

function slashesIn(topic: string): number {
  let slashes = 0;
  for (let at = topic.indexOf('/'); at >= 0; at = topic.indexOf('/', at + 1)) slashes += 1;
  return slashes;
}

/** No half of a character at the cut. */
function shortened(example: string): string {
  if (example.length <= exampleCharacters) return example;
  return `${example.slice(0, exampleCharacters - 1).toWellFormed()}…`;
}
