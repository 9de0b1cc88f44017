import { orderKey, type TopicRule } from '../../mqtt/topic-rule.ts';
import type { Lane } from './lane.ts';
import { keyHash, laneOfKey } from './lane-choice.ts';

/** The lanes of a link, and which of them a message takes. */
export class LaneSet {
  readonly lanes: Lane[] = [];
  readonly #order: TopicRule['order'];
  readonly #create: (number: number) => Lane;
  #inUse: number;
  #isOpen = false;

  constructor(order: TopicRule['order'], count: number, create: (number: number) => Lane) {
    this.#order = order;
    this.#create = create;
    this.#inUse = count;
    this.grow(count, 0);
  }

  /** Further lanes connect, and get no message before `isGrowing` is over. */
  grow(count: number, nowMs: number): void {
    while (this.lanes.length < count) {
      const lane = this.#create(this.lanes.length);
      this.lanes.push(lane);
      if (this.#isOpen) lane.openGate(nowMs);
    }
  }

  openGates(nowMs: number): void {
    this.#isOpen = true;
    for (const lane of this.lanes) lane.openGate(nowMs);
  }

  closeGates(): void {
    this.#isOpen = false;
    for (const lane of this.lanes) lane.closeGate();
  }

  /** Keys will change their lane: nothing new goes to any until all are idle, so that no key is on two at a time. */
  get isGrowing(): boolean {
    return this.#inUse < this.lanes.length;
  }

  /** No message is on the way or waits for it. */
  get isIdle(): boolean {
    return this.lanes.every((lane) => lane.length === 0);
  }

  /** When the oldest message of any becomes too old. */
  get oldestDueMs(): number {
    return Math.min(...this.lanes.map((lane) => lane.oldestDueMs));
  }

  takeGrown(): void {
    if (this.isGrowing && this.isIdle) this.#inUse = this.lanes.length;
  }

  /** By the key, where there is an order to keep; else the one with the least to do. */
  laneOf(topic: string): Lane {
    const first = this.lanes[0] as Lane;
    if (this.#inUse === 1) return first;
    if (this.#order !== 'parallel') {
      return this.lanes[laneOfKey(keyHash(orderKey(topic, this.#order.keyLevel)), this.#inUse)] as Lane;
    }
    let best = first;
    for (const lane of this.lanes) {
      const isBetter = lane.isOpen === best.isOpen ? lane.length < best.length : lane.isOpen;
      if (lane.number < this.#inUse && isBetter) best = lane;
    }
    return best;
  }
}
