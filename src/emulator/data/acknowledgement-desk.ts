import { encodeAcknowledgement } from '../../mqtt/acknowledgement-packet.ts';
import type { ProtocolVersion } from '../../mqtt/control-packet.ts';
import { reasonCode } from '../../mqtt/reason-code.ts';
import type { Agenda, Cancel } from './agenda.ts';
import type { BrokerTerms } from './broker-terms.ts';
import { shuffled } from './seeded-random.ts';

export interface AcknowledgementDeskOptions {
  readonly protocol: ProtocolVersion;
  readonly terms: BrokerTerms;
  readonly agenda: Agenda;
  readonly random: () => number;
  readonly send: (bytes: Buffer) => void;
  /** Called when PUBACKs that were owed have been sent. */
  readonly handleRelease: (nowMs: number) => void;
}

/** The PUBACKs that one client is owed. AWS promises no order of them, so they wait for each other and leave in another. */
export class AcknowledgementDesk {
  readonly #options: AcknowledgementDeskOptions;
  #owed: { readonly packetId: number; readonly reason: number }[] = [];
  #cancel: Cancel | undefined;

  constructor(options: AcknowledgementDeskOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#owed.length;
  }

  isOwed(packetId: number): boolean {
    return this.#owed.some((owed) => owed.packetId === packetId);
  }

  owe(packetId: number, nowMs: number, reason: number = reasonCode.success): void {
    const { terms, agenda } = this.#options;
    this.#owed.push({ packetId, reason });
    const isReady =
      terms.pubackOrder === 'in-order' ? terms.pubackWaitMs === 0 : this.#owed.length >= terms.pubackWindow;
    if (isReady) this.#release(nowMs);
    else this.#cancel ??= agenda.at(nowMs + terms.pubackWaitMs, (dueMs) => this.#release(dueMs));
  }

  stop(): void {
    this.#cancel?.();
    this.#owed = [];
  }

  #release(nowMs: number): void {
    const { terms, random, protocol, send, handleRelease } = this.#options;
    this.#cancel?.();
    this.#cancel = undefined;
    const owed = terms.pubackOrder === 'shuffled' ? shuffled(this.#owed, random) : this.#owed;
    this.#owed = [];
    for (const { packetId, reason } of owed) send(encodeAcknowledgement(protocol, { type: 4, packetId, reason }));
    handleRelease(nowMs);
  }
}
