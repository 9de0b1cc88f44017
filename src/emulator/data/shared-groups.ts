import type { Agenda, Cancel } from './agenda.ts';
import type { ApplicationMessage } from './application-message.ts';
import type { BrokerTerms } from './broker-terms.ts';
import type { ClientSession } from './client-session.ts';
import { FilterTree } from './filter-tree.ts';
import { MessageQueue, type StoredBytes } from './message-queue.ts';

interface SharedGroup {
  readonly filter: string;
  readonly members: Map<ClientSession, 0 | 1>;
  /** QoS 1 messages for which no member had room; only with a member whose session lasts. */
  readonly queue: MessageQueue;
  cancelDrain: Cancel | undefined;
}

export interface SharedGroupsOptions {
  readonly terms: BrokerTerms;
  readonly agenda: Agenda;
  readonly stored: StoredBytes;
  readonly random: () => number;
}

/** Shared subscriptions: of each group (share name and filter) a random member gets the message. */
export class SharedGroups {
  readonly #options: SharedGroupsOptions;
  readonly #groups = new Map<string, SharedGroup>();
  readonly #filters: FilterTree<SharedGroup>;

  constructor(options: SharedGroupsOptions) {
    this.#options = options;
    this.#filters = new FilterTree(options.terms.profile.multiLevelMatchesParent);
  }

  /** `text`: the filter with its `$share/name/`, which names the group; `filter`: without. */
  join(text: string, filter: string, member: ClientSession, qos: 0 | 1): void {
    let group = this.#groups.get(text);
    if (group === undefined) {
      const { stored, terms } = this.#options;
      const queue = new MessageQueue(stored, terms.bounds.groupMessages);
      group = { filter, members: new Map(), queue, cancelDrain: undefined };
      this.#groups.set(text, group);
      this.#filters.add(filter, group, 1);
    }
    group.members.set(member, qos);
  }

  leave(text: string, member: ClientSession): void {
    const group = this.#groups.get(text);
    if (group === undefined) return;
    group.members.delete(member);
    if (group.members.size > 0) return;
    group.cancelDrain?.();
    group.queue.clear();
    this.#groups.delete(text);
    this.#filters.remove(group.filter, group);
  }

  /** Each group that matches gets one copy. */
  deliver(message: ApplicationMessage, nowMs: number): void {
    for (const group of this.#filters.match(message.topic).keys()) this.#deliverTo(group, message, nowMs);
  }

  /** A member of these groups is connected: what was queued for them goes on. */
  wake(texts: Iterable<string>, nowMs: number): void {
    for (const text of texts) {
      const group = this.#groups.get(text);
      if (group !== undefined && group.queue.size > 0) this.#drainLater(group, nowMs);
    }
  }

  #deliverTo(group: SharedGroup, message: ApplicationMessage, nowMs: number): void {
    const ready = readyMembers(group, nowMs);
    const chosen = ready[Math.floor(this.#options.random() * ready.length)];
    if (chosen !== undefined) {
      chosen.session.deliver(message, message.qos === 1 && chosen.qos === 1 ? 1 : 0, nowMs);
      return;
    }
    const isKept = message.qos === 1 && [...group.members].some(([session, qos]) => session.isPersistent && qos === 1);
    if (!isKept) return;
    // It lasts as long as a session does, unless its own expiry says less.
    const untilMs = nowMs + this.#options.terms.profile.maxSessionExpirySeconds * 1_000;
    group.queue.push({ message, sinceMs: nowMs, untilMs });
    this.#drainLater(group, nowMs);
  }

  #drainLater(group: SharedGroup, nowMs: number): void {
    if (group.cancelDrain !== undefined) return;
    const online = [...group.members.keys()].filter(({ outlet }) => outlet !== undefined).length;
    if (online === 0) return;
    const pauseMs = 1_000 / (this.#options.terms.sharedReplayPerSecond * online);
    group.cancelDrain = this.#options.agenda.at(nowMs + pauseMs, (dueMs) => {
      group.cancelDrain = undefined;
      this.#drain(group, dueMs);
    });
  }

  #drain(group: SharedGroup, nowMs: number): void {
    const ready = readyMembers(group, nowMs).filter(({ qos }) => qos === 1);
    const chosen = ready[Math.floor(this.#options.random() * ready.length)];
    const next = chosen === undefined ? undefined : group.queue.shift(nowMs);
    if (chosen !== undefined && next !== undefined) chosen.session.deliver(next.message, 1, nowMs);
    if (group.queue.size > 0) this.#drainLater(group, nowMs);
  }
}

function readyMembers(group: SharedGroup, nowMs: number): { readonly session: ClientSession; readonly qos: 0 | 1 }[] {
  return [...group.members].flatMap(([session, qos]) =>
    session.outlet?.hasRoom(nowMs) === true ? [{ session, qos }] : [],
  );
}
