import type { Registry } from '@prometheus-io/client';
import type { AdminEvent } from '../admin/admin-api.ts';
import { registerBridgeMetrics } from '../bridge/bridge-metrics.ts';
import type { Configuration } from '../config/configuration.ts';
import { BridgeOperator, openBoard } from './bridge-operator.ts';
import { hasBridgeWork } from './bridge-work.ts';
import type { BridgeNews } from './process-messages.ts';
import { RuleChanges } from './rule-changes.ts';

export interface BridgeSightParts {
  readonly configuration: Pick<Configuration, 'bridge'>;
  readonly registry: Registry;
  readonly emit: (event: AdminEvent) => void;
  /** What was last heard of the gateway's own process of the bridge. */
  readonly news?: BridgeNews | undefined;
}

/** What the gateway's control process sees of the bridge: by its board, and by what the supervisor says of its process. */
export class BridgeSight {
  readonly operator: BridgeOperator;
  readonly #changes: RuleChanges | undefined;
  #news: BridgeNews;

  constructor({ configuration: { bridge }, registry, emit, news = {} }: BridgeSightParts) {
    this.#news = news;
    const board = openBoard(bridge);
    this.operator = new BridgeOperator({ bridge, board, problem: () => this.#news.problem });
    if (!hasBridgeWork(bridge)) return;
    this.#changes = new RuleChanges({
      look: () => this.operator.look(),
      onChange: (data) => emit({ type: 'bridge', data }),
    });
    registerBridgeMetrics(registry, () => this.operator.slotsOf(this.#news.process));
  }

  hear(news: BridgeNews): void {
    this.#news = news;
  }

  close(): void {
    this.#changes?.close();
  }
}
