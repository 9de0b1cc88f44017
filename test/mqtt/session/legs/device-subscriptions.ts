import { Violation } from '../flow-ledger.ts';
import { type ModelPacket, subscribeBytes, unsubscribeBytes } from '../model-packets.ts';
import { type ModelPeer, wordOf } from '../model-peer.ts';
import { filterMatches } from './leg-copy.ts';

interface Request {
  readonly type: 9 | 11;
  readonly filters: readonly (readonly [filter: string, qos: number])[];
}

export const filterPool: readonly string[] = ['d/0', 'd/1', 'd/+', 'r/0', 'r/+', 'e/#', 'd/denied'];
export const topicPool: readonly string[] = ['d/0', 'd/1', 'd/2', 'e', 'e/f'];
export const retainedTopicPool: readonly string[] = ['r/0', 'r/1'];

/** How long a broker may take from SUBACK to its first delivery. */
const settlesInMs = 300;

/** What the device holds as subscriptions, from SUBACK to UNSUBSCRIBE. */
export class DeviceSubscriptions {
  readonly #device: ModelPeer;
  readonly #requests = new Map<number, Request>();
  /** Filters with the QoS that the device was told. */
  readonly held = new Map<string, number>();
  readonly #heldSinceMs = new Map<string, number>();

  constructor(device: ModelPeer) {
    this.#device = device;
  }

  get isAtRest(): boolean {
    return this.#requests.size === 0;
  }

  /** SUBSCRIBE or UNSUBSCRIBE of some filters. */
  request(choice: number): { readonly asked: readonly string[]; readonly givenUp: readonly string[] } {
    if (this.#requests.size > 2) return { asked: [], givenUp: [] };
    const pool = filterPool.slice(0, (choice >> 14) % 8 === 0 ? filterPool.length : -1);
    const isUnsubscribe = (choice >> 6) % 4 === 0;
    const count = 1 + (choice % 4);
    const filters = Array.from({ length: count }, (_, index): readonly [string, number] => {
      const filter = pool[((choice >> 3) + index * 3) % pool.length] as string;
      return [filter, ((choice >> 9) + index) % 3];
    });
    const id = this.#device.takeId();
    this.#device.usedIds.add(id);
    const type = isUnsubscribe ? 11 : 9;
    this.#requests.set(id, { type, filters: [...new Map(filters)] });
    const { protocol } = this.#device.options;
    const names = [...new Map(filters).keys()];
    const packet = isUnsubscribe
      ? unsubscribeBytes(protocol, id, names)
      : subscribeBytes(protocol, id, [...new Map(filters)]);
    this.#device.wire.send(packet, wordOf(type - 1, id));
    if (isUnsubscribe) for (const filter of names) this.held.delete(filter);
    return isUnsubscribe ? { asked: [], givenUp: names } : { asked: names, givenUp: [] };
  }

  /** Filters of SUBSCRIBE packets without an answer. */
  get unanswered(): readonly string[] {
    const asking = [...this.#requests.values()].filter(({ type }) => type === 9);
    return asking.flatMap(({ filters }) => filters.map(([filter]) => filter));
  }

  /** The device is owed what is published on this topic: every broker had the time that it may need behind SUBACK. */
  isOwed(topic: string, nowMs: number): boolean {
    for (const [filter, qos] of this.held) {
      const isSettled = (this.#heldSinceMs.get(filter) ?? nowMs) + settlesInMs <= nowMs;
      if (qos > 0 && isSettled && filterMatches(filter, topic, true)) return true;
    }
    return false;
  }

  judgeAnswer({ type, id, codes }: ModelPacket, nowMs: number): void {
    const request = this.#requests.get(id);
    if (request === undefined || request.type !== type) throw new Violation(`S12: an answer for identifier ${id}`);
    this.#requests.delete(id);
    const hasCodes = type === 9 || this.#device.options.protocol === '5';
    if (codes.length !== (hasCodes ? request.filters.length : 0)) throw new Violation(`S12: ${codes.length} codes`);
    if (type === 11) return;
    for (const [index, [filter, qos]] of request.filters.entries()) {
      const code = codes[index] as number;
      if (filter !== 'd/denied' && code !== qos) throw new Violation(`S12: code ${code} at place ${index}`);
      if (code >= 0x80 || this.#isGivenUp(filter)) continue;
      if (!this.held.has(filter)) this.#heldSinceMs.set(filter, nowMs);
      this.held.set(filter, code);
    }
  }

  #isGivenUp(filter: string): boolean {
    return [...this.#requests.values()].some(
      ({ type, filters }) => type === 11 && filters.some(([name]) => name === filter),
    );
  }

  readAtDevice({ type, id }: ModelPacket): void {
    if (type === 9 || type === 11) this.#device.usedIds.delete(id);
  }
}
