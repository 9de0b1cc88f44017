import type { Obstacle } from './adaptation-kind.ts';
import type { BrokerProfile } from './broker-profiles.ts';
import { type SessionSubscriptions, subscriptionsToKeep } from './remembered-subscriptions.ts';
import type { SessionParts } from './session-parts.ts';
import { learnHeld } from './subscription-knowledge.ts';
import { type HeldSubscription, maxHeldFilters } from './subscription-table.ts';
import { filtersAt, heldObstacle } from './subscription-terms.ts';

/** What is known of a session's subscriptions, whichever leg they stand on, and whether that is worth telling. */
export class SubscriptionMemory {
  readonly #parts: SessionParts;
  readonly #takenUp: SessionSubscriptions | undefined;
  readonly #isKnownFromTheStart: boolean;
  readonly #firstLeg: SessionParts['leg'];
  #changedLeg: SessionParts['leg'];
  #changesTold = 0;
  /** Filters that an operator told of; undefined: nobody did. */
  #told: readonly string[] | undefined;

  /** `takenUp`: what is remembered of a session that the broker took up. */
  constructor(parts: SessionParts, takenUp: SessionSubscriptions | undefined) {
    this.#parts = parts;
    this.#takenUp = takenUp;
    this.#isKnownFromTheStart = takenUp?.subscriptionsKnown ?? !parts.leg.upstream.sessionPresent;
    this.#firstLeg = parts.leg;
    this.#changedLeg = parts.leg;
  }

  /** What the device holds, as it asked for it, with what it was granted. */
  held(): ReadonlyMap<string, HeldSubscription> {
    return new Map(this.#parts.leg.desk.known().map((held) => [held.filter, held]));
  }

  /** What the device holds that a broker of that profile could not. */
  obstacleAt(target: BrokerProfile): Obstacle | undefined {
    return heldObstacle(this.#parts.leg.desk.known(), target);
  }

  /** How many filters a broker of that profile would be asked for in its place. */
  filtersAt(profile: BrokerProfile): number {
    return filtersAt(this.#parts.leg.desk.known(), profile);
  }

  /** False: the session is older than what the gateway knows of it, and the device has not asked for anything since. */
  get isKnown(): boolean {
    return this.#isSeen || this.#told !== undefined;
  }

  /**
   * What an operator knows of the session, in place of what was told before: it counts where the gateway did not see all of
   * it by itself. False: it does not, or the session has moved since, and what was told then is what was made there.
   */
  learn({ subscriptionsKnown, held }: SessionSubscriptions): boolean {
    const { leg, values } = this.#parts;
    if (this.#isSeen || !leg.upstream.sessionPresent || leg.desk.place.table.left.size >= maxHeldFilters) return false;
    const told = subscriptionsKnown ? held : [];
    const filters = told.map(({ filter }) => filter);
    learnHeld(leg.desk.place, { told, before: this.#told ?? [] });
    values.noteEarlier(filters);
    this.#told = subscriptionsKnown ? filters : undefined;
    return true;
  }

  /** What is to be remembered; undefined: what is remembered still holds. */
  toKeep(): SessionSubscriptions | undefined {
    const { leg } = this.#parts;
    const hasChanged = leg.desk.hasChanged || leg !== this.#firstLeg;
    const desk = { hasChanged, subscriptions: () => this.held() };
    return subscriptionsToKeep(desk, this.#takenUp, { isKnown: this.isKnown });
  }

  /** Whether the device changed something since it was asked last; what the gateway asked for again is no change. */
  takeChange(): boolean {
    const { desk } = this.#parts.leg;
    if (this.#parts.leg !== this.#changedLeg) {
      this.#changedLeg = this.#parts.leg;
      this.#changesTold = desk.changes;
      // What was told is what the gateway has made there by itself now.
      if (this.#told !== undefined && !this.#changedLeg.upstream.sessionPresent) return true;
    }
    if (desk.changes === this.#changesTold) return false;
    this.#changesTold = desk.changes;
    return !desk.isRestoring;
  }

  get #isSeen(): boolean {
    return this.#isKnownFromTheStart || this.#parts.leg.desk.hasSubscribed;
  }
}
