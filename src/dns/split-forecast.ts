import type { SplitWeights } from '../plan/plan.ts';
import { positionOf } from '../plan/position.ts';
import { partAt } from './split-steering.ts';
import type { SplitRule } from './steering-rule.ts';

export interface ForecastRequest {
  /** The plan's salt. */
  readonly salt: string;
  /** The parts of the split, in their order. */
  readonly parts: SplitRule['parts'];
  readonly weights: SplitWeights['weights'] | undefined;
  readonly newWeights: SplitWeights['weights'];
}

/** How many of these networks (canonical CIDRs) would get another part. */
export function countChanging(networks: readonly string[], request: ForecastRequest): number {
  const { salt, parts, weights, newWeights } = request;
  let changing = 0;
  for (const network of networks) {
    const position = positionOf(salt, 'subnet', network);
    if (partAt(position, parts, weights) !== partAt(position, parts, newWeights)) changing += 1;
  }
  return changing;
}
