// For now SUBSCRIBE and UNSUBSCRIBE go on as they come; splitting, merging and emulating follow.
import type { AdaptationKind, Obstacle } from './adaptation-kind.ts';
import type { DeviceTerms, UpstreamTerms } from './session-terms.ts';
import type { SubackPacket } from './suback-packet.ts';
import type { SubscribePacket, SubscriptionRequest, UnsubscribePacket } from './subscribe-packet.ts';

export interface SubscriptionPort {
  sendToBroker(packet: Buffer): void;
  sendToDevice(packet: Buffer): void;
  takeIdentifier(wanted?: number): number | undefined;
  releaseIdentifier(packetId: number): void;
  adapted(kind: AdaptationKind): void;
  obstructed(kind: Obstacle, example: string): void;
}

export interface HeldSubscription extends SubscriptionRequest {
  readonly granted: number;
}

export class SubscriptionDesk {
  readonly #port: SubscriptionPort;
  readonly #held = new Map<string, HeldSubscription>();
  readonly #waiting = new Map<number, SubscribePacket | UnsubscribePacket>();
  readonly judgesDeliveries = false;
  readonly watchesOwnPublishes = false;

  constructor(options: { device: DeviceTerms; upstream: UpstreamTerms; port: SubscriptionPort }) {
    this.#port = options.port;
  }

  get pending(): number {
    return this.#waiting.size;
  }

  handleSubscribe(packet: SubscribePacket, bytes: Buffer, _nowMs: number): void {
    this.#port.takeIdentifier(packet.packetId);
    this.#waiting.set(packet.packetId, packet);
    this.#port.sendToBroker(Buffer.from(bytes));
  }

  handleUnsubscribe(packet: UnsubscribePacket, bytes: Buffer, _nowMs: number): void {
    this.#port.takeIdentifier(packet.packetId);
    this.#waiting.set(packet.packetId, packet);
    this.#port.sendToBroker(Buffer.from(bytes));
  }

  handleSuback(packet: SubackPacket, bytes: Buffer, _nowMs: number): boolean {
    const waiting = this.#waiting.get(packet.packetId);
    if (waiting === undefined || !('requests' in waiting)) return false;
    waiting.requests.forEach((request, index) => {
      const granted = packet.codes[index] ?? 0x80;
      if (granted < 0x80) this.#held.set(request.filter, { ...request, granted });
    });
    return this.#answer(packet.packetId, bytes);
  }

  handleUnsuback(packet: SubackPacket, bytes: Buffer, _nowMs: number): boolean {
    const waiting = this.#waiting.get(packet.packetId);
    if (waiting === undefined || !('filters' in waiting)) return false;
    for (const filter of waiting.filters) this.#held.delete(filter);
    return this.#answer(packet.packetId, bytes);
  }

  nextDeadlineMs(): number {
    return Number.POSITIVE_INFINITY;
  }

  handleTick(_nowMs: number): 'waiting' | 'unanswered' {
    return 'waiting';
  }

  judgeDelivery(
    _message: { readonly topic: string; readonly retain: boolean; digest(): number },
    _nowMs: number,
  ): { deliver: boolean; subscriptionIdentifiers: readonly number[] } {
    return { deliver: true, subscriptionIdentifiers: [] };
  }

  noteOwnPublish(_topic: string, _digest: number, _nowMs: number): void {}

  subscriptions(): ReadonlyMap<string, HeldSubscription> {
    return this.#held;
  }

  #answer(packetId: number, bytes: Buffer): true {
    this.#waiting.delete(packetId);
    this.#port.releaseIdentifier(packetId);
    this.#port.sendToDevice(Buffer.from(bytes));
    return true;
  }
}
