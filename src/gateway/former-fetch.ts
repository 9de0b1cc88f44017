import { setTimeout as delay } from 'node:timers/promises';
import { BrokerLosses } from './broker-losses.ts';
import type { DialPurpose } from './broker-side.ts';
import { type AttachmentContext, attachLeg } from './leg-attachment.ts';
import type { LegConnection } from './leg-connection.ts';
import type { Relay } from './relay.ts';
import { firstPauseMs, provenMs, repairPauseMs } from './repair-choice.ts';

/** How far it has come with the former broker of one session. Milliseconds, monotonic. */
interface Effort {
  /** When its leg there was first lost. */
  readonly sinceMs: number;
  attempts: number;
  attachedAtMs: number;
  /** Calls off the dial that is under way. */
  controller: AbortController;
}

const purpose: DialPurpose = 'fetch';

/**
 * Connects sessions once more to a broker that they have left and that was lost with messages for them: at its rate, with
 * full jitter, as long as the session is kept there, and `repairMs` at least. What it has of the session is taken up.
 */
export class FormerFetches {
  readonly #context: AttachmentContext;
  readonly #losses = new BrokerLosses();
  readonly #efforts = new WeakMap<Relay, Effort>();

  constructor(context: AttachmentContext) {
    this.#context = context;
  }

  /** Undefined: there is nothing to fetch any more, or the broker does not give it. */
  async fetch(relay: Relay, broker: string, signal: AbortSignal): Promise<LegConnection | undefined> {
    const effort = this.#begin(relay, broker);
    const isSuspect = effort.attempts > 0;
    while (await this.#pause(effort, relay, broker, signal)) {
      effort.attempts += 1;
      effort.controller = new AbortController();
      const request = { broker, session: 'resume', isSuspect, purpose } as const;
      const either = AbortSignal.any([signal, effort.controller.signal]);
      const attached = await attachLeg(relay, { ...request, signal: either }, this.#context);
      effort.attachedAtMs = this.#nowMs();
      if (attached.ok) return attached.value;
      if (attached.error.isLasting) return undefined;
    }
    return undefined;
  }

  /** The session has lost its broker as well: that one is asked first. */
  yield(relay: Relay): void {
    this.#efforts.get(relay)?.controller.abort();
  }

  /** A broker that takes the session up and closes again has not come back: it goes on where it was. */
  #begin(relay: Relay, broker: string): Effort {
    const nowMs = this.#nowMs();
    const lost = this.#losses.note(broker, nowMs);
    const former = this.#efforts.get(relay);
    if (former !== undefined && nowMs - former.attachedAtMs < provenMs) return former;
    const sinceMs = nowMs + firstPauseMs(lost, this.#random());
    const effort = { sinceMs, attempts: 0, attachedAtMs: nowMs, controller: new AbortController() };
    this.#efforts.set(relay, effort);
    return effort;
  }

  /** False: it is over. */
  async #pause(effort: Effort, relay: Relay, broker: string, signal: AbortSignal): Promise<boolean> {
    const { sinceMs, attempts } = effort;
    const { repairMs } = this.#context.limits;
    const elapsedMs = this.#nowMs() - sinceMs;
    const time = { elapsedMs, repairMs, hasDecided: elapsedMs >= repairMs };
    const pauseMs = attempts === 0 ? Math.max(0, -elapsedMs) : repairPauseMs(attempts, this.#random(), time);
    if (pauseMs > 0) await delay(pauseMs, undefined, { signal }).catch(() => undefined);
    const isKept = relay.record.queueAt === broker || this.#nowMs() - sinceMs < repairMs;
    return isKept && !signal.aborted && relay.isSteady && relay.machine.awaitedLeg !== undefined;
  }

  #nowMs(): number {
    return this.#context.ports.clock.monotonicMs();
  }

  #random(): number {
    return (this.#context.ports.random ?? Math.random)();
  }
}
