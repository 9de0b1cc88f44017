import type { Obstacle } from './adaptation-kind.ts';
import { type BrokerProfile, topicObstacle } from './broker-profiles.ts';
import type { ProtocolVersion } from './control-packet.ts';
import { reasonCode } from './reason-code.ts';
import type { DeviceTerms, UpstreamTerms } from './session-terms.ts';
import { parseTopicFilter } from './topic.ts';

/** What one pair of device and broker makes of subscriptions: the profile narrowed by what the broker said at CONNACK. */
export interface SubscriptionTerms {
  readonly device: ProtocolVersion;
  readonly upstream: ProtocolVersion;
  /** Both sides write SUBSCRIBE, SUBACK and theirs in the same form. */
  readonly sameForm: boolean;
  readonly maximumQos: 0 | 1 | 2;
  /** QoS 2 ends at the gateway, and the device may have it. */
  readonly grantsQos2: boolean;
  readonly filtersPerSubscribe: number;
  readonly filtersPerUnsubscribe: number;
  readonly subscriptionsPerConnection: number;
  /** Bytes of the largest packet that the broker takes. */
  readonly maximumPacketSize: number;
  /** Bytes of the largest packet that the device takes. */
  readonly deviceMaximumPacketSize: number;
  /** `a/#` is completed with `a`. */
  readonly completesParents: boolean;
  /** What the broker holds has to be counted: nothing is sent before everything earlier was answered. */
  readonly isBounded: boolean;
  readonly takesIdentifiers: boolean;
  readonly takesNoLocal: boolean;
  readonly takesRetainAsPublished: boolean;
  readonly takesRetainHandling: boolean;
  readonly takesShared: boolean;
  readonly takesWildcards: boolean;
  /** The broker may hold subscriptions of an earlier connection that this one never saw. */
  readonly mayHoldEarlier: boolean;
  readonly profile: BrokerProfile;
}

export function subscriptionTerms(device: DeviceTerms, upstream: UpstreamTerms): SubscriptionTerms {
  const { profile, capabilities, protocol } = upstream;
  const hasOptions = protocol === '5';
  const isCounted = profile.subscriptionsPerConnection < Number.POSITIVE_INFINITY;
  return {
    device: device.protocol,
    upstream: protocol,
    sameForm: (device.protocol === '5') === hasOptions,
    grantsQos2: device.told.maximumQos === 2,
    maximumQos: lowerQos(profile.maximumQos, capabilities.maximumQos),
    filtersPerSubscribe: profile.filtersPerSubscribe,
    filtersPerUnsubscribe: profile.filtersPerUnsubscribe,
    subscriptionsPerConnection: profile.subscriptionsPerConnection,
    maximumPacketSize: Math.min(profile.maxPacketBytes, capabilities.maximumPacketSize),
    deviceMaximumPacketSize: device.maximumPacketSize,
    completesParents: !profile.multiLevelMatchesParent,
    isBounded: isCounted || !profile.multiLevelMatchesParent,
    takesIdentifiers: hasOptions && profile.subscriptionIdentifiers && capabilities.subscriptionIdentifiers,
    takesNoLocal: hasOptions && profile.noLocal,
    takesRetainAsPublished: hasOptions && profile.retainAsPublished,
    takesRetainHandling: hasOptions && profile.retainHandling,
    takesShared: profile.sharedSubscriptions && capabilities.sharedSubscriptions,
    takesWildcards: capabilities.wildcardSubscriptions,
    mayHoldEarlier: upstream.sessionPresent,
    profile,
  };
}

/** Whether a device of MQTT 5 may ask for an option that its broker lacks and the gateway gives. */
export function emulatesOptions(terms: SubscriptionTerms): boolean {
  return terms.device === '5' && !(terms.takesIdentifiers && terms.takesNoLocal && terms.takesRetainHandling);
}

export interface FilterRefusal {
  /** MQTT 5 SUBACK reason code. */
  readonly code: number;
  /** Undefined: the broker said so at CONNACK, and no kind of obstacle names it. */
  readonly obstacle: Obstacle | undefined;
}

/** Why the broker cannot take a filter; undefined when it can. */
export function filterRefusal(filter: string, terms: SubscriptionTerms): FilterRefusal | undefined {
  const parsed = parseTopicFilter(filter);
  if (parsed.shareName !== undefined && !terms.takesShared) {
    return { code: reasonCode.sharedSubscriptionsNotSupported, obstacle: 'shared-subscription' };
  }
  const obstacle = topicObstacle(parsed.filter, terms.profile);
  if (obstacle !== undefined) return { code: reasonCode.topicFilterInvalid, obstacle };
  const isWild = parsed.hasWildcard && !terms.takesWildcards;
  return isWild ? { code: reasonCode.wildcardSubscriptionsNotSupported, obstacle: undefined } : undefined;
}

/**
 * What the broker is asked for so that the device gets what MQTT says the filter matches: itself, and its parent level
 * where `#` does not include that [MQTT-4.7.1-2]. A parent that the broker reserves (`$aws` of `$aws/#`) or that is no
 * topic (that of `/#`) has no messages to miss.
 */
export function upstreamFilters(filter: string, terms: SubscriptionTerms): readonly string[] {
  if (!terms.completesParents || !filter.endsWith(multiLevel)) return [filter];
  const parent = filter.slice(0, -multiLevel.length);
  const { filter: plain } = parseTopicFilter(filter);
  const hasParent = plain.length > multiLevel.length;
  return hasParent && filterRefusal(parent, terms) === undefined ? [filter, parent] : [filter];
}

/** What a broker of that profile could not hold for a device; undefined: nothing. */
export function heldObstacle(
  held: readonly { readonly filter: string }[],
  profile: BrokerProfile,
): Obstacle | undefined {
  for (const { filter } of held) {
    const parsed = parseTopicFilter(filter);
    if (parsed.shareName !== undefined && !profile.sharedSubscriptions) return 'shared-subscription';
    const obstacle = topicObstacle(parsed.filter, profile);
    if (obstacle !== undefined) return obstacle;
  }
  return filtersAt(held, profile) > profile.subscriptionsPerConnection ? 'subscriptions' : undefined;
}

/** How many filters a broker of that profile is asked for, so that it holds what a device does. */
export function filtersAt(held: readonly { readonly filter: string }[], profile: BrokerProfile): number {
  if (profile.multiLevelMatchesParent) return held.length;
  const upstream = new Set<string>();
  for (const { filter } of held) {
    upstream.add(filter);
    const isCompleted = filter.endsWith(multiLevel) && parseTopicFilter(filter).filter.length > multiLevel.length;
    if (isCompleted) upstream.add(filter.slice(0, -multiLevel.length));
  }
  return upstream.size;
}

/** The filters of a device that the broker's `upstream` filter serves: `upstreamFilters` the other way round. */
export function servedFilters(upstream: string, terms: SubscriptionTerms): readonly string[] {
  if (!terms.completesParents || upstream.endsWith('#')) return [upstream];
  return [upstream, `${upstream}${multiLevel}`];
}

const multiLevel = '/#';

function lowerQos(one: 0 | 1 | 2, other: 0 | 1 | 2): 0 | 1 | 2 {
  return one < other ? one : other;
}
