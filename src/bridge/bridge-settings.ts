import type { BrokerProfile } from '../mqtt/broker-profiles.ts';
import type { ProtocolVersion } from '../mqtt/control-packet.ts';
import type { Secret } from '../mqtt/secret.ts';
import { filtersIntersect } from '../mqtt/topic-range.ts';
import { publishedFilter, type TopicRule } from '../mqtt/topic-rule.ts';
import { ruleSetFindings } from '../mqtt/topic-rule-set.ts';
import type { Slot } from './division/slot.ts';
import type { ClientTerms } from './link/broker-client.ts';
import { EchoWindow } from './link/echo-window.ts';
import type { LinkRunnerOptions } from './link-runner.ts';

/** A broker as the bridge meets it. */
export interface BridgeBroker {
  readonly profile: BrokerProfile;
  readonly protocol: ProtocolVersion;
  readonly username?: string;
  readonly password?: Secret;
  /** Absent: no bound. */
  readonly connectsPerSecond?: number;
}

export interface BridgeRule {
  readonly rule: TopicRule;
  /** Of its share group, while nobody wishes another number. */
  readonly members: number;
  /** Of its keys; 1 where it has no order. */
  readonly partitions: number;
  /** Connections to the target at the start, and at most. */
  readonly lanes: { readonly least: number; readonly most: number };
}

export interface BridgeSettings {
  /** Begins every client ID: another one for every bridge that runs. */
  readonly name: string;
  /** Shared by the processes of this bridge, and by no other. */
  readonly directory: string;
  readonly rules: readonly BridgeRule[];
  readonly brokers: Readonly<Record<string, BridgeBroker>>;
  readonly ackTimeoutMs: number;
  readonly spool: { readonly maxBytes: number; readonly maxAgeMs: number; readonly afterMs: number };
  readonly deadLetters: { readonly maxBytes: number };
  readonly breaker: { readonly repeats: number; readonly windowMs: number };
}

/** Unacknowledged PUBLISH packets on a lane, and on a source leg, where the broker allows as many. */
const window = 200;
const wholePublishBytes = 16 * 1_048_576;
/** An echo that has not come by then has not been published. */
const echoMs = 60_000;
const maxEchoes = 100_000;

/** Digests of what is published where marks cannot be seen, by broker; only where some rule could read it back. */
export function echoWindows(settings: BridgeSettings): ReadonlyMap<string, EchoWindow> {
  const { brokers } = settings;
  const rules = topicRules(settings);
  const unmarked = Object.keys(brokers).filter((name) => {
    const readsBack = rules.some((rule) => rule.to === name && rules.some((next) => feeds(rule, next)));
    return brokers[name]?.protocol !== '5' && readsBack;
  });
  return new Map(unmarked.map((name) => [name, new EchoWindow(echoMs, maxEchoes)]));
}

export function topicRules({ rules }: BridgeSettings): readonly TopicRule[] {
  return rules.map(({ rule }) => rule);
}

function feeds(rule: TopicRule, next: TopicRule): boolean {
  return rule.to === next.from && filtersIntersect(publishedFilter(rule), next.filter);
}

/**
 * What the rule publishes can come back to it. Elsewhere equal messages are counted by no breaker: a device that says ON 25
 * times a second is no loop.
 */
function comesRound({ name }: TopicRule, rules: readonly TopicRule[]): boolean {
  return ruleSetFindings(rules).some(({ kind, rules: ring }) => kind === 'loop' && ring.includes(name));
}

/** A slot's link, from the settings and from what both brokers' profiles allow. */
export function linkOptions(
  { label, rule, place }: Slot,
  settings: BridgeSettings,
  echoes: ReadonlyMap<string, EchoWindow>,
): LinkRunnerOptions['link'] {
  const source = brokerOf(settings, rule.from);
  const target = brokerOf(settings, rule.to);
  const isFive = source.protocol === '5';
  const { profile } = source;
  const shows = isFive && profile.retainAsPublished;
  const atSource = echoes.get(rule.from);
  const atTarget = topicRules(settings).some((next) => feeds(rule, next)) ? echoes.get(rule.to) : undefined;
  const targetWindow = Math.min(window, target.profile.inflightFromDevice);
  return {
    rule,
    ...(place.count > 1 && rule.order !== 'parallel' && { partition: { ...place, keyLevel: rule.order.keyLevel } }),
    lanes: lanesOf(rule.name, settings).least,
    source: {
      terms: {
        ...termsOf(source, `${settings.name}-${rule.name}-from-${label}`),
        cleanStart: false,
        sessionExpirySeconds: Math.min(sessionSeconds, profile.maxSessionExpirySeconds),
        receiveMaximum: Math.min(window, profile.inflightToDevice),
      },
      subscription: {
        filter: rule.share === undefined ? rule.filter : `$share/${rule.share}/${rule.filter}`,
        qos: capped(rule.qos, profile.maximumQos),
        noLocal: isFive && profile.noLocal && rule.share === undefined,
        retainAsPublished: shows,
        retainHandling: isFive && profile.retainHandling ? (rule.retained === 'seed' ? 1 : 2) : 0,
      },
      showsRetain: shows,
    },
    target: {
      terms: (lane) => ({
        ...termsOf(target, `${settings.name}-${rule.name}-to-${label}-${lane}`),
        cleanStart: true,
        sessionExpirySeconds: 0,
        receiveMaximum: 1,
      }),
      protocol: target.protocol,
      profile: target.profile,
      limits: {
        window: targetWindow,
        maxPacketBytes: target.profile.maxPacketBytes,
        publishesPerSecond: target.profile.publishesPerSecond,
        bytesPerSecond: target.profile.bytesPerSecond,
        ackTimeoutMs: settings.ackTimeoutMs,
        ...{ maxBlame: 5, quotaPauseMs: 1_000, maxThrottled: 12 },
      },
    },
    echoes: { ...(atSource !== undefined && { atSource }), ...(atTarget !== undefined && { atTarget }) },
    breaker: comesRound(rule, topicRules(settings)) ? settings.breaker : { ...settings.breaker, repeats: 0 },
    spool: {
      afterMs: settings.spool.afterMs,
      maxAgeMs: settings.spool.maxAgeMs,
      retryMs: 1_000,
      maxLineBytes: 4 * 1_048_576,
    },
    feedAhead: 2 * targetWindow,
    unacknowledgedAhead: 2 * targetWindow,
  };
}

/** Of a rule that is not there any more: one, to finish with. */
export function lanesOf(rule: string, { rules }: BridgeSettings): BridgeRule['lanes'] {
  return rules.find((own) => own.rule.name === rule)?.lanes ?? { least: 1, most: 1 };
}

/** A day: an outage of the bridge costs nothing that the source's own queue keeps. */
const sessionSeconds = 86_400;
const keepAliveSeconds = 30;

export function brokerOf({ brokers }: BridgeSettings, name: string): BridgeBroker {
  const broker = brokers[name];
  if (broker === undefined) throw new Error(`expected a broker of the settings, got ${name}`);
  return broker;
}

function termsOf(
  { protocol, username, password }: BridgeBroker,
  clientId: string,
): Pick<ClientTerms, 'protocol' | 'clientId' | 'keepAliveSeconds' | 'wholePublishBytes' | 'username' | 'password'> {
  return {
    ...{ protocol, clientId, keepAliveSeconds, wholePublishBytes },
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
  };
}

function capped(qos: 0 | 1 | 2, most: 0 | 1 | 2): 0 | 1 | 2 {
  return qos < most ? qos : most;
}
