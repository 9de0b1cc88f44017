import type { Fallback, SessionIntent } from './session-registry.ts';

/** One device connection in one worker. */
export interface Leg {
  readonly worker: number;
  readonly connection: number;
}

/** A CONNECT that asks to own its client ID. `claim` is the caller's number for it, unique per worker. */
export interface Claim extends Leg {
  readonly claim: number;
  readonly clientId: string;
  readonly intent: SessionIntent;
  readonly desired: string;
  readonly fallback?: Fallback;
  /** The leg is attached to `desired` already, under a client ID that the broker gave it: no token, no other broker. */
  readonly adopts?: boolean;
}

/** A session that a worker brings along when it finds a new control process. */
export interface AnnouncedLeg extends Leg {
  readonly clientId: string;
  readonly epoch: number;
}

export type OwnershipEffect =
  /** The older leg is to end; answer with `legEnded`. */
  | {
      readonly kind: 'end-leg';
      readonly leg: Leg;
      readonly clientId: string;
      readonly epoch: number;
      readonly heir: Claim | undefined;
    }
  | { readonly kind: 'grant'; readonly claim: Claim; readonly epoch: number; readonly tookOver: boolean }
  | { readonly kind: 'supersede'; readonly claim: Claim };

interface Owner {
  readonly leg: Leg;
  readonly epoch: number;
  /** The claim that waits for this leg to end. */
  heir?: { readonly claim: Claim; readonly deadlineMs: number };
}

/**
 * One live session per client ID: a state machine over claims. A newer claim ends the older leg first and is granted when
 * that leg is gone or `takeoverMs` has passed (its worker hangs); of two claims that wait, the newer one stays.
 * Epochs only grow, so a leg that was ended can be told from the one that came after it.
 */
export class Ownership {
  readonly #owners = new Map<string, Owner>();
  /** Client IDs with an heir, in the order of their deadlines: `takeoverMs` is the same for all. */
  readonly #contested = new Set<string>();
  readonly #takeoverMs: number;
  #nextEpoch: number;

  /** `firstEpoch` is to be above every epoch ever granted: the caller derives it from the wall clock, and has `outgrow`. */
  constructor(options: { readonly takeoverMs: number; readonly firstEpoch: number }) {
    this.#takeoverMs = options.takeoverMs;
    this.#nextEpoch = options.firstEpoch;
  }

  get size(): number {
    return this.#owners.size;
  }

  /** Whether the leg with this epoch is the one that owns the client ID. */
  owns(clientId: string, epoch: number): boolean {
    return this.#owners.get(clientId)?.epoch === epoch;
  }

  ownerOf(clientId: string): (Leg & { readonly epoch: number }) | undefined {
    const owner = this.#owners.get(clientId);
    return owner && { ...owner.leg, epoch: owner.epoch };
  }

  /** Every epoch granted from here on is above this one: the wall clock may have been set back. */
  outgrow(epoch: number): void {
    this.#nextEpoch = Math.max(this.#nextEpoch, epoch + 1);
  }

  claim(claim: Claim, nowMs: number): OwnershipEffect[] {
    const owner = this.#owners.get(claim.clientId);
    if (owner === undefined) return [this.#grant(claim, false)];
    const effects: OwnershipEffect[] = [];
    if (owner.heir === undefined) {
      effects.push({ kind: 'end-leg', leg: owner.leg, clientId: claim.clientId, epoch: owner.epoch, heir: claim });
      owner.heir = { claim, deadlineMs: nowMs + this.#takeoverMs };
      this.#contested.add(claim.clientId);
    } else {
      effects.push({ kind: 'supersede', claim: owner.heir.claim });
      owner.heir = { claim, deadlineMs: owner.heir.deadlineMs };
    }
    return effects;
  }

  /** The leg with this epoch is gone, by itself or because it was asked to end. A stale epoch changes nothing. */
  legEnded(clientId: string, epoch: number): OwnershipEffect[] {
    const owner = this.#owners.get(clientId);
    return owner === undefined || owner.epoch !== epoch ? [] : this.#release(clientId, owner);
  }

  /** The device of a waiting claim went away. */
  withdraw(worker: number, claim: number, clientId: string): void {
    const owner = this.#owners.get(clientId);
    if (owner?.heir?.claim.worker !== worker || owner.heir.claim.claim !== claim) return;
    delete owner.heir;
    this.#contested.delete(clientId);
  }

  /** A worker died: its legs are gone and its claims wait for nothing. */
  workerGone(worker: number): OwnershipEffect[] {
    const effects: OwnershipEffect[] = [];
    for (const [clientId, owner] of this.#owners) {
      if (owner.heir?.claim.worker === worker) {
        delete owner.heir;
        this.#contested.delete(clientId);
      }
      if (owner.leg.worker === worker) effects.push(...this.#release(clientId, owner));
    }
    return effects;
  }

  /** A worker reports a live leg to a control process that did not grant it. Of two, the higher epoch stays. */
  announce(leg: AnnouncedLeg): OwnershipEffect[] {
    this.outgrow(leg.epoch);
    const owner = this.#owners.get(leg.clientId);
    const announced: Owner = { leg: { worker: leg.worker, connection: leg.connection }, epoch: leg.epoch };
    if (owner === undefined) {
      this.#owners.set(leg.clientId, announced);
      return [];
    }
    if (owner.epoch === leg.epoch) return [];
    const older = owner.epoch < leg.epoch ? owner : announced;
    if (older === owner) {
      this.#owners.set(leg.clientId, owner.heir === undefined ? announced : { ...announced, heir: owner.heir });
    }
    const ended: OwnershipEffect = {
      kind: 'end-leg',
      leg: older.leg,
      clientId: leg.clientId,
      epoch: older.epoch,
      heir: undefined,
    };
    const heir = this.#owners.get(leg.clientId)?.heir;
    if (older !== owner || heir === undefined) return [ended];
    return [ended, { kind: 'end-leg', leg: announced.leg, clientId: leg.clientId, epoch: leg.epoch, heir: heir.claim }];
  }

  /** Grants the claims whose older leg did not answer in time. */
  tick(nowMs: number): OwnershipEffect[] {
    const effects: OwnershipEffect[] = [];
    for (const clientId of this.#contested) {
      const owner = this.#owners.get(clientId);
      if (owner?.heir === undefined) continue;
      if (owner.heir.deadlineMs > nowMs) break;
      effects.push(...this.#release(clientId, owner));
    }
    return effects;
  }

  /** When `tick` has something to do, in the caller's milliseconds. */
  nextDeadlineMs(): number | undefined {
    const [first] = this.#contested;
    return first === undefined ? undefined : this.#owners.get(first)?.heir?.deadlineMs;
  }

  #release(clientId: string, owner: Owner): OwnershipEffect[] {
    this.#owners.delete(clientId);
    this.#contested.delete(clientId);
    return owner.heir === undefined ? [] : [this.#grant(owner.heir.claim, true)];
  }

  #grant(claim: Claim, tookOver: boolean): OwnershipEffect {
    const epoch = this.#nextEpoch++;
    this.#owners.set(claim.clientId, { leg: { worker: claim.worker, connection: claim.connection }, epoch });
    return { kind: 'grant', claim, epoch, tookOver };
  }
}
