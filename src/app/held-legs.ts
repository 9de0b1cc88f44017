import {
  type AttachedSession,
  type ClaimAnswer,
  type ClaimRequest,
  formerBrokers,
} from '../session/session-registry.ts';
import type { SessionAnnouncement } from './process-messages.ts';

/** A leg of this worker that owns its client ID. */
export interface HeldLeg extends SessionAnnouncement {
  /** The control process, or the homes file, has something recorded for the client ID. */
  readonly hasHome: boolean;
  /** Its broker accepted a CONNECT: from here on another one is a move, and not a beginning. */
  readonly isAttached: boolean;
  /** Those that the claim was answered with, until it is attached. */
  readonly subscriptions: string | undefined;
  /** Brokers that may hold an old session of the client ID. */
  readonly former: readonly string[];
  /** When its last CONNECT was answered, monotonic milliseconds; undefined: one may be on its way. */
  readonly answeredMs: number | undefined;
}

/** The legs that one worker holds, by client ID. */
export class HeldLegs {
  readonly #legs = new Map<string, HeldLeg>();
  #lastEpoch = 0;

  /** Every one of them, for the control process's `hello`. */
  announcements(): readonly SessionAnnouncement[] {
    return [...this.#legs.values()].map(({ clientId, connection, epoch, broker, persistent }) => ({
      clientId,
      connection,
      epoch,
      broker,
      persistent,
    }));
  }

  of(clientId: string): HeldLeg | undefined {
    return this.#legs.get(clientId);
  }

  /** The leg, if it owns the client ID. */
  owner(clientId: string, epoch: number): HeldLeg | undefined {
    const leg = this.#legs.get(clientId);
    return leg?.epoch === epoch ? leg : undefined;
  }

  hold({ clientId, connection }: ClaimRequest, answer: ClaimAnswer): void {
    if (!answer.granted || clientId === '') return;
    const { epoch, broker, remains, former = [], isStale = false } = answer;
    this.outgrow(epoch);
    this.#legs.set(clientId, {
      clientId,
      connection,
      epoch,
      broker,
      persistent: false,
      hasHome: answer.hasHome || former.length > 0 || isStale,
      isAttached: false,
      subscriptions: remains?.subscriptions,
      former,
      answeredMs: undefined,
    });
  }

  /** The leg as it is now; undefined: another one owns the client ID. */
  attach({ clientId, epoch, broker, persistent }: AttachedSession, nowMs: number): HeldLeg | undefined {
    const leg = this.owner(clientId, epoch);
    if (leg === undefined) return undefined;
    const former = formerAfter(leg, broker, persistent);
    const attached: HeldLeg = {
      ...leg,
      broker,
      persistent,
      hasHome: persistent,
      isAttached: true,
      subscriptions: undefined,
      former,
      answeredMs: nowMs,
    };
    this.#legs.set(clientId, attached);
    return attached;
  }

  /** A former broker holds nothing more. */
  purged(clientId: string, broker: string): void {
    const leg = this.#legs.get(clientId);
    if (leg === undefined) return;
    this.#legs.set(clientId, { ...leg, former: leg.former.filter((other) => other !== broker) });
  }

  /** The leg was given a further token: a CONNECT to its broker may be on its way again. */
  connects(clientId: string, broker: string): void {
    const leg = this.#legs.get(clientId);
    if (leg?.broker === broker) this.#legs.set(clientId, { ...leg, answeredMs: undefined });
  }

  drop(clientId: string, epoch: number): void {
    if (this.owner(clientId, epoch) !== undefined) this.#legs.delete(clientId);
  }

  /** Every epoch from here on is above this one: the wall clock may have been set back. */
  outgrow(epoch: number): void {
    this.#lastEpoch = Math.max(this.#lastEpoch, epoch);
  }

  /** Epochs that workers give by themselves are all different: each worker has its own remainder. */
  nextEpoch(wallMs: number, { worker, workers }: { readonly worker: number; readonly workers: number }): number {
    const least = Math.max(this.#lastEpoch + 1, wallMs * 1000);
    return least + ((worker - (least % workers) + workers) % workers);
  }
}

/** A session that moved while it lived may still be where it was; one that is gone with its connection is nowhere. */
function formerAfter(leg: HeldLeg, broker: string, persistent: boolean): readonly string[] {
  const hasMoved = leg.isAttached && leg.broker !== broker && persistent;
  const others = leg.former.filter((other) => other !== broker && other !== leg.broker);
  return (hasMoved ? [...others, leg.broker] : others).slice(-formerBrokers);
}
