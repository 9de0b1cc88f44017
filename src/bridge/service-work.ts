import type { Clock } from '../base/clock.ts';
import type { TopicRule } from '../mqtt/topic-rule.ts';
import type { BridgeBroker } from './bridge-settings.ts';
import type { BridgeBoard } from './bridge-status.ts';
import type { BrokerDialer } from './broker-dialer.ts';
import type { BridgedMessage } from './link/bridged-message.ts';
import { ProbeConnection } from './probe-connection.ts';
import type { ServiceTerms } from './services/service-terms.ts';

/** A service with the rules that it names. */
export interface KnownService {
  readonly terms: ServiceTerms;
  readonly rule: TopicRule;
  /** Of the rule, until somebody wishes another number. */
  readonly members: number;
  readonly returns?: TopicRule;
}

/** What work on a service reaches the world by. */
export interface ServiceWorkPorts {
  readonly board: BridgeBoard;
  readonly dialer: BrokerDialer;
  readonly clock: Clock;
  readonly brokers: Readonly<Record<string, BridgeBroker>>;
  /** Begins the client IDs. */
  readonly bridgeName: string;
}

/** Milliseconds that steps may take. */
export interface ServiceTimes {
  readonly introduceMs: number;
  readonly probeMs: number;
  readonly shareWindowMs: number;
  readonly retireMs: number;
  /** What the source had in a window may still come out at the target behind its end. */
  readonly graceMs: number;
}

export interface ServiceWork extends KnownService, ServiceWorkPorts {
  readonly times: ServiceTimes;
  readonly signal: AbortSignal;
}

/** A connection beside the bridge; `use` tells it from others of the service. */
export function openProbe(
  { terms, bridgeName, dialer, clock, brokers, times, signal }: ServiceWork,
  broker: string,
  { use, onMessage }: { readonly use: string; readonly onMessage: (message: BridgedMessage, isWhole: boolean) => void },
): Promise<ProbeConnection> {
  const of = brokers[broker];
  if (of === undefined) throw new Error(`expected a broker of the bridge, got ${broker}`);
  const clientId = `${bridgeName}-service-${terms.name}-${use}`;
  const answerMs = Math.min(longestAnswerMs, times.probeMs);
  return ProbeConnection.open({ ...{ dialer, clock, broker, terms: of, clientId, answerMs, signal }, onMessage });
}

/** Milliseconds that a broker may take for CONNACK, and for SUBACK. */
const longestAnswerMs = 10_000;

/** Members that are wanted by now. */
export function wantedMembers({ board, rule, members }: Pick<ServiceWork, 'board' | 'rule' | 'members'>): number {
  return board.readWishes()[rule.name]?.members ?? members;
}
