import type { BridgedMessage } from './bridged-message.ts';
import { isInPartition } from './lane-choice.ts';
import type { LinkCounts } from './link-counts.ts';
import type { LinkOptions } from './link-port.ts';
import type { LoopGuard } from './loop-guard.ts';
import { judgeMessage, type MessageJudgement } from './message-judgement.ts';

/** `skip`: nothing goes on, its source may forget it. `loop`: it goes round. */
export type ArrivalJudgement = Exclude<MessageJudgement, { kind: 'drop' }> | { readonly kind: 'skip' | 'loop' };

/** What becomes of what comes from a link's source, with what is remembered for that: the session's state. */
export class Arrivals {
  readonly #options: LinkOptions;
  readonly #counts: LinkCounts;
  readonly #loopGuard: LoopGuard;
  #isSeeding = false;

  constructor(options: LinkOptions, loopGuard: LoopGuard, counts: LinkCounts) {
    this.#options = options;
    this.#loopGuard = loopGuard;
    this.#counts = counts;
  }

  /** In a new session the source sends what it has retained, where it is asked for that. */
  handleOpened(sessionPresent: boolean): void {
    this.#isSeeding = !sessionPresent;
  }

  judge(message: BridgedMessage, isWhole: boolean, nowMs: number): ArrivalJudgement {
    const { rule, partition, target, source } = this.#options;
    if (partition !== undefined && !isInPartition(message.topic, partition)) return { kind: 'skip' };
    this.#counts.receive(message.payload.length);
    const isEcho = this.#loopGuard.isEcho(message, nowMs);
    const view = { showsRetain: source.showsRetain, isSeeding: this.#isSeeding };
    const judged = judgeMessage(message, { rule, target: target.profile, source: view, isWhole, isEcho });
    if (judged.kind === 'drop') {
      if (judged.reason === 'echo') this.#counts.echoes += 1;
      else this.#counts.drop(judged.reason);
      return { kind: 'skip' };
    }
    const isLoop = judged.kind === 'carry' && this.#loopGuard.spins(message, nowMs);
    return isLoop ? { kind: 'loop' } : judged;
  }
}
