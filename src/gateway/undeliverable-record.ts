import { closeSync, openSync, writeSync } from 'node:fs';
import type { Clock } from '../base/clock.ts';
import type { DroppedMessage } from '../mqtt/session-port.ts';

/** A message that a broker could not take and that its device was told went well. */
export interface UndeliverableMessage extends DroppedMessage {
  readonly clientId: string;
  readonly broker: string;
}

/**
 * The records that `undeliverable: acknowledge` owes: NDJSON, one line a message, appended before the acknowledgement
 * leaves. Several workers may append to one file: each line is one write.
 */
export class UndeliverableRecords {
  readonly #clock: Clock;
  readonly #descriptorByPath = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Throws what the file system throws: a message without its record must not be acknowledged. */
  append(path: string, message: UndeliverableMessage): void {
    const line = Buffer.from(`${JSON.stringify(this.#render(message))}\n`);
    const descriptor = this.#descriptorOf(path);
    for (let written = 0; written < line.length; ) written += writeSync(descriptor, line, written);
  }

  close(): void {
    for (const descriptor of this.#descriptorByPath.values()) closeSync(descriptor);
    this.#descriptorByPath.clear();
  }

  #descriptorOf(path: string): number {
    const open = this.#descriptorByPath.get(path);
    if (open !== undefined) return open;
    // Payloads of a fleet: nobody else's to read.
    const descriptor = openSync(path, 'a', 0o600);
    this.#descriptorByPath.set(path, descriptor);
    return descriptor;
  }

  #render({ clientId, broker, topic, obstacle, qos, retain, payloadBytes, payload }: UndeliverableMessage) {
    const at = new Date(this.#clock.wallMs()).toISOString();
    return { at, clientId, broker, topic, obstacle, qos, retain, payloadBytes, payload: payload.toString('base64') };
  }
}
