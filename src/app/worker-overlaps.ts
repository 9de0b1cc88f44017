import type { BridgeDelays } from '../gateway/gateway-ports.ts';
import type { BridgeOverlap } from './bridge-overlap.ts';

/** What a worker was told last of the bridge's delay; it holds on while the control process is away. */
export class WorkerOverlaps implements BridgeDelays {
  #overlaps: readonly BridgeOverlap[] = [];

  adopt(overlaps: readonly BridgeOverlap[]): void {
    this.#overlaps = overlaps;
  }

  overlapMs(from: string, to: string): number {
    const found = this.#overlaps.find(({ brokers }) => from !== to && brokers.includes(from) && brokers.includes(to));
    return found?.overlapMs ?? 0;
  }
}
