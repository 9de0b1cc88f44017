import { reasonCode } from './reason-code.ts';
import type { SubscribePacket, SubscriptionRequest } from './subscribe-packet.ts';
import type { HeldSubscription } from './subscription-table.ts';

interface Asked {
  readonly held: HeldSubscription;
  readonly request: SubscriptionRequest;
}

/** What the gateway itself asks a broker for, because the device holds it already. */
export class SubscriptionRestoration {
  /** As the device holds it, by filter, until the broker has answered; and with which request it was asked for last. */
  readonly #asked = new Map<string, Asked>();
  /** The first filter of those that the broker would not grant. */
  denied: string | undefined;

  get isUnderWay(): boolean {
    return this.#asked.size > 0;
  }

  asked(): readonly HeldSubscription[] {
    return [...this.#asked.values()].map(({ held }) => held);
  }

  /** The packets to be sent: one for each Subscription Identifier, which is a packet's and not a filter's. */
  begin(subscriptions: Iterable<HeldSubscription>): readonly SubscribePacket[] {
    const byIdentifier = new Map<number | undefined, SubscriptionRequest[]>();
    for (const held of subscriptions) {
      const request = toRequest(held);
      this.#asked.set(held.filter, { held, request });
      const requests = byIdentifier.get(held.subscriptionIdentifier) ?? [];
      requests.push(request);
      byIdentifier.set(held.subscriptionIdentifier, requests);
    }
    return [...byIdentifier].map(([subscriptionIdentifier, requests]) => {
      const identified = subscriptionIdentifier === undefined ? {} : { subscriptionIdentifier };
      return { packetId: 0, requests, userProperties: [], ...identified };
    });
  }

  /**
   * What the broker granted, as the device was told it, which never changes on a connection: a broker may grant less only
   * where nobody was promised more.
   */
  settle({ requests }: SubscribePacket, codes: readonly number[]): readonly HeldSubscription[] {
    const granted: HeldSubscription[] = [];
    requests.forEach((request, at) => {
      const { filter, qos } = request;
      const asked = this.#asked.get(filter);
      // It has been asked for otherwise since: that answer counts.
      if (asked?.request !== request) return;
      this.#asked.delete(filter);
      const code = codes[at] ?? reasonCode.unspecifiedError;
      if (code > 2 || (code === 0 && qos > 0)) this.denied ??= filter;
      else granted.push(asked.held);
    });
    return granted;
  }
}

/** At the QoS that the device was told, and without retained messages where the broker can leave them out. */
function toRequest({ filter, noLocal, retainAsPublished, granted }: HeldSubscription): SubscriptionRequest {
  const isShared = filter.startsWith('$share/');
  // Retain Handling of a shared subscription says nothing, and brokers differ in what they take there.
  return { filter, qos: granted as 0 | 1 | 2, noLocal, retainAsPublished, retainHandling: isShared ? 0 : 2 };
}
