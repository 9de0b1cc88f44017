import type { BridgedMessage } from './bridged-message.ts';
import type { EchoWindow } from './echo-window.ts';
import { LoopBreaker } from './loop-breaker.ts';

/** Where marks cannot be relied on: what is published at the target is noted, what comes from the source is looked up. */
export interface EchoWindows {
  readonly atSource?: EchoWindow;
  readonly atTarget?: EchoWindow;
}

/** The layers of a link against loops that do without marks. Where they err, a message goes once too often; none is lost. */
export class LoopGuard {
  readonly #echoes: EchoWindows;
  readonly #breaker: LoopBreaker;

  constructor(echoes: EchoWindows, breaker: ConstructorParameters<typeof LoopBreaker>[0]) {
    this.#echoes = echoes;
    this.#breaker = new LoopBreaker(breaker);
  }

  /** It was published by this bridge, and is on its way back. */
  isEcho({ topic, payload }: BridgedMessage, nowMs: number): boolean {
    return this.#echoes.atSource?.takes(topic, payload, nowMs) === true;
  }

  /** It comes round, whatever the other layers say. */
  spins({ topic, payload }: BridgedMessage, nowMs: number): boolean {
    return this.#breaker.spins(topic, payload, nowMs);
  }

  /**
   * Once, however often it is sent: a note that nothing comes back for would hide somebody else's message that says the same,
   * and an echo without a note is only carried once more.
   */
  handleFirstSending({ topic, payload }: BridgedMessage, nowMs: number): void {
    this.#echoes.atTarget?.note(topic, payload, nowMs);
  }

  /** The target did not take what was sent: nothing will come back. */
  handleRefused({ topic, payload }: BridgedMessage, nowMs: number): void {
    this.#echoes.atTarget?.takes(topic, payload, nowMs);
  }
}
