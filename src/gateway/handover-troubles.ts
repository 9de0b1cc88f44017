import type { HandoverSetbacks, Setback } from './handover-setbacks.ts';
import type { HandoverTally } from './handover-tally.ts';
import type { AttachmentContext } from './leg-attachment.ts';
import type { SessionHandover } from './session-handover.ts';

/** Handovers that ended before their switch: what is remembered of each, counted, and told to its move. */
export class HandoverTroubles {
  readonly #ports: AttachmentContext['ports'];
  readonly #setbacks: HandoverSetbacks;
  readonly #tally: HandoverTally;

  constructor({ ports }: AttachmentContext, setbacks: HandoverSetbacks, tally: HandoverTally) {
    this.#ports = ports;
    this.#setbacks = setbacks;
    this.#tally = tally;
  }

  requeue({ relay, move }: SessionHandover, message: string): void {
    const { clock, random = Math.random } = this.#ports;
    this.#setbacks.requeue(relay.record.connection, message, { move, nowMs: clock.monotonicMs(), random: random() });
    this.#tally.noteRequeued(move);
  }

  note({ relay, move, broker }: SessionHandover, setback: Setback): void {
    const { connection, clientId } = relay.record;
    const { clock, metrics, random = Math.random } = this.#ports;
    metrics.handovers.inc({ result: 'aborted' });
    const at = { nowMs: clock.monotonicMs(), random: random(), isDown: this.isDown(broker) };
    this.#setbacks.note(connection, setback, { move, ...at });
    this.#tally.noteAborted(move, { clientId, reason: setback.message });
  }

  /** No connection of this worker has had a word of it since it was last found not to answer. */
  isDown(broker: string): boolean {
    return this.#ports.upstream.brokerLife(broker).failedMs !== undefined;
  }
}
