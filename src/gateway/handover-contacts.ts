import { wantedBroker } from './handover-eligibility.ts';
import type { ContactWait } from './first-contacts.ts';
import { type DueContact, type HandoverReckoning, noteStaying } from './handover-reckoning.ts';
import type { AttachmentContext } from './leg-attachment.ts';
import type { HandoverQuestion } from './live-session.ts';
import type { Relay } from './relay.ts';
import type { SessionHandover } from './session-handover.ts';

interface ContactWish {
  readonly broker: string;
  readonly question: HandoverQuestion;
  readonly takeBack: () => void;
}

/** Wishes of this worker at once, in seconds of what the broker has of all workers together. */
const wishedSeconds = 2;
const leastWished = 4;

/** Live sessions that wait for a turn of first contact at the broker that the plan wants. On its home nothing is noticed of it. */
export class HandoverContacts {
  readonly #context: AttachmentContext;
  readonly #begin: (relay: Relay, broker: string, question: HandoverQuestion) => void;
  /** By connection. */
  readonly #wishes = new Map<number, ContactWish>();

  /** `begin`: its turn has come. The token is given back when what was begun is over. */
  constructor(context: AttachmentContext, begin: (relay: Relay, broker: string, question: HandoverQuestion) => void) {
    this.#context = context;
    this.#begin = begin;
  }

  /** Why the session waits for its broker; nothing stands in the way of one that is being moved there otherwise. */
  waitOf({ origin }: Relay, broker: string, handover: SessionHandover | undefined): ContactWait | undefined {
    if (handover !== undefined && !handover.isContact) return undefined;
    return this.#context.contacts.waitOf({ broker, device: origin.device });
  }

  /** A question for such sessions alone means also those that it has begun with. */
  isMeant(
    { origin }: Relay,
    broker: string,
    { handover, question }: { readonly handover: SessionHandover | undefined; readonly question: HandoverQuestion },
  ): boolean {
    if (question.isFirstContact !== true || handover?.move === question.move) return true;
    return this.#context.contacts.isWaiting({ broker, device: origin.device });
  }

  /** True: its broker does not know it yet. It is pending, or listed as refused, and tried there when its turn comes. */
  isAwaited(
    relay: Relay,
    broker: string,
    { handover, reckoning }: { readonly handover: SessionHandover | undefined; readonly reckoning: HandoverReckoning },
  ): boolean {
    const wait = this.waitOf(relay, broker, handover);
    if (wait === undefined) return false;
    const { counted, due } = reckoning;
    const { clientId } = relay.record;
    noteStaying(counted, { clientId, reason: wait.reason }, wait.isRefused ? undefined : 'unregistered');
    if (handover !== undefined) counted.underWay += 1;
    else if (wait.isDue && !relay.isDetached) due.push({ relay, broker, rank: wait.rank });
    return true;
  }

  /** Whether what was begun in its turn is under way; else the turn is another's. */
  noteBegun(handover: SessionHandover | undefined, broker: string): boolean {
    if (handover?.stage.name !== 'dialling' || handover.isContact) {
      this.#context.contacts.giveBack(broker);
      return false;
    }
    handover.isContact = true;
    return true;
  }

  /** The contact is over. */
  payBack(handover: SessionHandover): void {
    if (handover.isContact) this.#context.contacts.giveBack(handover.broker);
    handover.isContact = false;
  }

  /** Those that the question may begin with, the likeliest first; a wish that waits already stays where it is in the line. */
  wish(due: readonly DueContact[], { question, counted }: HandoverReckoning): void {
    let left = question.begin - counted.begun;
    for (const rank of [0, 1, 2] as const) {
      for (const { relay, broker, ...contact } of due) {
        if (left <= 0) return;
        if (contact.rank !== rank || this.#wishes.has(relay.record.connection) || !this.#hasRoom(broker)) continue;
        left -= 1;
        this.#add(relay, broker, question);
      }
    }
  }

  /** The session has no broker to be brought to any more. */
  drop({ record: { connection } }: Relay): void {
    this.#wishes.get(connection)?.takeBack();
    this.#wishes.delete(connection);
  }

  dropMove(move: string): void {
    for (const [connection, { question, takeBack }] of this.#wishes) {
      if (question.move !== move) continue;
      takeBack();
      this.#wishes.delete(connection);
    }
  }

  clear(): void {
    for (const { takeBack } of this.#wishes.values()) takeBack();
    this.#wishes.clear();
  }

  #hasRoom(broker: string): boolean {
    const { registrationsPerSecond = 0 } = this.#context.contacts.termsOf(broker) ?? {};
    let wished = 0;
    for (const wish of this.#wishes.values()) if (wish.broker === broker) wished += 1;
    return wished < Math.max(leastWished, registrationsPerSecond * wishedSeconds);
  }

  #add(relay: Relay, broker: string, question: HandoverQuestion): void {
    const { contacts } = this.#context;
    const { connection } = relay.record;
    const takeBack = contacts.take(broker, () => void this.#handleTurn(relay, broker, question));
    this.#wishes.set(connection, { broker, question, takeBack });
  }

  async #handleTurn(relay: Relay, broker: string, question: HandoverQuestion): Promise<void> {
    const { contacts, registration } = this.#context;
    const { connection } = relay.record;
    const contacted = { broker, device: relay.origin.device };
    // One that was closed before is made known first, where that is the gateway's to do.
    const isKnown = !contacts.isWaiting(contacted) || (await registration.register(contacted));
    const isWanted = this.#wishes.delete(connection) && isKnown && this.#isStillWanted(relay, broker, question);
    if (isWanted) this.#begin(relay, broker, question);
    else contacts.giveBack(broker);
  }

  #isStillWanted(relay: Relay, broker: string, question: HandoverQuestion): boolean {
    const snapshot = this.#context.ports.snapshot();
    return relay.isSteady && !relay.isDetached && wantedBroker(relay, question, snapshot) === broker;
  }
}
