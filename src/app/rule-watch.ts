import { errorMessage } from '../base/errors.ts';
import type { BridgeBoard } from '../bridge/bridge-status.ts';
import type { BrokerPair } from '../mqtt/topic-class.ts';
import type { TopicRule } from '../mqtt/topic-rule.ts';
import type { Logger } from '../telemetry/logger.ts';
import { type BridgeOverlap, bridgeOverlaps, rulesBehind } from './bridge-overlap.ts';
import { type RuleCondition, ruleConditions } from './rule-conditions.ts';

export interface RuleWatchDeps {
  readonly rules: readonly TopicRule[];
  /** Undefined: the bridge has no rules. */
  readonly board: Pick<BridgeBoard, 'readStatuses' | 'readWishes'> | undefined;
  /** The bridge may run where its board is not seen. */
  readonly isElsewhere: boolean;
  /** Handovers between these brokers take so long for their overlap, at least. */
  readonly publish: (overlaps: readonly BridgeOverlap[]) => void;
  readonly log: Logger;
}

const everyMs = 1_000;

/** Looks at the bridge's board once a second and tells what its delays mean for handovers. */
export class RuleWatch {
  readonly #deps: RuleWatchDeps;
  #conditions: readonly RuleCondition[];
  #published = '[]';
  #timer: NodeJS.Timeout | undefined;
  #isFailing = false;

  constructor(deps: RuleWatchDeps) {
    this.#deps = deps;
    this.#conditions = this.#read();
  }

  start(): void {
    if (this.#deps.rules.length === 0) return;
    this.#look();
    this.#timer = setInterval(() => this.#look(), everyMs);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** As of the last second. */
  get conditions(): readonly RuleCondition[] {
    return this.#conditions;
  }

  /** Milliseconds that the delay of the bridge between these brokers wants of an overlap. */
  overlapMs(pair: BrokerPair): number {
    const found = bridgeOverlaps(this.#conditions).find(({ brokers }) => isPair(brokers, pair));
    return found?.overlapMs ?? 0;
  }

  /** Names of rules between these brokers that are behind. */
  behind(pair: BrokerPair): readonly string[] {
    return rulesBehind(this.#conditions, pair);
  }

  #look(): void {
    this.#conditions = this.#read();
    const overlaps = bridgeOverlaps(this.#conditions);
    const text = JSON.stringify(overlaps);
    if (text === this.#published) return;
    this.#published = text;
    this.#deps.publish(overlaps);
  }

  #read(): readonly RuleCondition[] {
    const { rules, board, isElsewhere, log } = this.#deps;
    try {
      const content = board && { statuses: board.readStatuses(), wishes: board.readWishes() };
      this.#isFailing = false;
      return ruleConditions(rules, content, { isElsewhere });
    } catch (error) {
      if (!this.#isFailing) log.error({ error: errorMessage(error) }, 'The board of the bridge cannot be read');
      this.#isFailing = true;
      return ruleConditions(rules, undefined, { isElsewhere });
    }
  }
}

function isPair(brokers: readonly string[], { source, target }: BrokerPair): boolean {
  return brokers.includes(source) && brokers.includes(target);
}
