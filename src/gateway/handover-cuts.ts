import { brokerTerms } from './broker-question.ts';
import type { GatewayPorts, GatewaySettings } from './gateway-ports.ts';
import type { Relay } from './relay.ts';
import type { SessionHandover } from './session-handover.ts';

/** Cuts begun per turn of the event loop, so that no message waits for all of them. */
const cutsPerTurn = 250;

/**
 * Handovers whose legs stand by and whose cuts are to begin: in the next turns, or, where the new broker bounds the filters
 * that it is asked for, each when it has the tokens of its own. Until then nothing has changed for the session.
 */
export class HandoverCuts {
  readonly #settings: GatewaySettings;
  readonly #ports: Pick<GatewayPorts, 'filters'>;
  /** With what takes its wish for tokens back; undefined: it has none. */
  readonly #waiting = new Map<SessionHandover, (() => void) | undefined>();
  readonly #ready = new Set<SessionHandover>();

  constructor({ settings, ports }: { readonly settings: GatewaySettings; readonly ports: GatewayPorts }) {
    this.#settings = settings;
    this.#ports = ports;
  }

  has(handover: SessionHandover): boolean {
    return this.#waiting.has(handover);
  }

  /** Once is enough. */
  add(handover: SessionHandover): void {
    if (this.#waiting.has(handover)) return;
    const { filters: tokens } = this.#ports;
    // A leg that the session has just left has what it needs.
    const filters = handover.stage.name === 'draining' ? 0 : this.filtersOf(handover.relay, handover.broker);
    if (tokens === undefined || filters === 0) {
      this.#waiting.set(handover, undefined);
      this.#cutSoon(handover);
      return;
    }
    const takeBack = tokens.take({ broker: handover.broker, filters }, () => {
      this.#waiting.set(handover, undefined);
      handover.pay(filters);
      this.#cutSoon(handover);
    });
    this.#waiting.set(handover, takeBack);
  }

  delete(handover: SessionHandover): void {
    this.#waiting.get(handover)?.();
    this.#waiting.delete(handover);
    this.#ready.delete(handover);
  }

  clear(): void {
    for (const handover of [...this.#waiting.keys()]) this.delete(handover);
  }

  /** What the broker is asked for with such a session; 0: as much as it is, nobody counts it. */
  filtersOf({ machine }: Relay, broker: string): number {
    if (this.#ports.filters?.isBound(broker) !== true) return 0;
    return machine.subscriptions.filtersAt(brokerTerms(this.#settings, broker).profile);
  }

  #cutSoon(handover: SessionHandover): void {
    if (this.#ready.size === 0) setImmediate(() => this.#cutSome());
    this.#ready.add(handover);
  }

  #cutSome(): void {
    let begun = 0;
    for (const handover of this.#ready) {
      if (begun === cutsPerTurn) break;
      begun += 1;
      this.delete(handover);
      handover.cut();
    }
    if (this.#ready.size > 0) setImmediate(() => this.#cutSome());
  }
}
