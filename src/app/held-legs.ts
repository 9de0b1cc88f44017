import type { AttachedSession, ClaimAnswer, ClaimRequest } from '../session/session-registry.ts';
import type { SessionAnnouncement } from './process-messages.ts';

/** A leg of this worker that owns its client ID. */
export interface HeldLeg extends SessionAnnouncement {
  /** The control process, or the homes file, has a home for the client ID. */
  readonly hasHome: boolean;
  /** When its last CONNECT was answered, monotonic milliseconds; undefined: one may be on its way. */
  readonly answeredMs: number | undefined;
}

/** The legs that one worker holds, by client ID. */
export class HeldLegs {
  readonly #legs = new Map<string, HeldLeg>();
  #lastEpoch = 0;

  /** Every one of them, for the control process's `hello`. */
  announcements(): readonly SessionAnnouncement[] {
    return [...this.#legs.values()].map(({ hasHome: _, answeredMs: __, ...announcement }) => announcement);
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
    const { epoch, broker, hasHome } = answer;
    this.#lastEpoch = Math.max(this.#lastEpoch, epoch);
    this.#legs.set(clientId, {
      clientId,
      connection,
      epoch,
      broker,
      persistent: false,
      hasHome,
      answeredMs: undefined,
    });
  }

  /** False: another leg owns the client ID. */
  attach({ clientId, epoch, persistent, keepsSubscriptions }: AttachedSession, nowMs: number): boolean {
    const leg = this.owner(clientId, epoch);
    if (leg === undefined) return false;
    const attached = { ...leg, persistent, hasHome: persistent, answeredMs: nowMs };
    this.#legs.set(clientId, keepsSubscriptions === undefined ? attached : { ...attached, keepsSubscriptions });
    return true;
  }

  /** The leg was given a further token: a CONNECT may be on its way again. */
  connects(clientId: string): void {
    const leg = this.#legs.get(clientId);
    if (leg !== undefined) this.#legs.set(clientId, { ...leg, answeredMs: undefined });
  }

  drop(clientId: string, epoch: number): void {
    if (this.owner(clientId, epoch) !== undefined) this.#legs.delete(clientId);
  }

  /** Epochs that workers give by themselves are all different: each worker has its own remainder. */
  nextEpoch(wallMs: number, { worker, workers }: { readonly worker: number; readonly workers: number }): number {
    const least = Math.max(this.#lastEpoch + 1, wallMs * 1000);
    return least + ((worker - (least % workers) + workers) % workers);
  }
}
