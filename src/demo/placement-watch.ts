import { ConditionWatch } from './condition-watch.ts';

/** What the watch asks about one device, now. */
export interface PlacementView {
  isReady(device: string): boolean;
  /** The brokers that serve this client ID: it is connected and subscribed there. */
  holders(device: string): readonly string[];
  /** What went wrong last for it; null when nothing did. */
  lastError(device: string): string | null;
}

/** A device that is not where it should be. */
export interface StrayDevice {
  readonly device: string;
  readonly expected: string;
  readonly heldBy: readonly string[];
  readonly isConnected: boolean;
  /** What the device met last, if anything went wrong. */
  readonly lastError: string | null;
}

/**
 * Knows where each device should be and which are not there: served by that broker alone, connected, subscribed. Asks again
 * about one device whenever it is told of a change of it.
 */
export class PlacementWatch {
  readonly #view: PlacementView;
  readonly #changes = new ConditionWatch();
  readonly #strays = new Set<string>();
  #expected: ReadonlyMap<string, string> = new Map();

  constructor(view: PlacementView) {
    this.#view = view;
  }

  expect(expected: ReadonlyMap<string, string>): void {
    this.#expected = expected;
    this.#strays.clear();
    for (const device of expected.keys()) this.#judge(device);
    this.#changes.notify();
  }

  handleChange(device: string): void {
    if (!this.#expected.has(device)) return;
    this.#judge(device);
    this.#changes.notify();
  }

  get inPlace(): number {
    return this.#expected.size - this.#strays.size;
  }

  /** True once all devices are in place; false after `timeoutMs`. */
  settle(options: { readonly timeoutMs: number; readonly signal: AbortSignal }): Promise<boolean> {
    return this.#changes.until(() => this.#strays.size === 0, options);
  }

  strays(): readonly StrayDevice[] {
    return [...this.#strays].map((device) => ({
      device,
      expected: this.#expected.get(device) ?? '',
      heldBy: this.#view.holders(device),
      isConnected: this.#view.isReady(device),
      lastError: this.#view.lastError(device),
    }));
  }

  #judge(device: string): void {
    const holders = this.#view.holders(device);
    const isInPlace = this.#view.isReady(device) && holders.length === 1 && holders[0] === this.#expected.get(device);
    if (isInPlace) this.#strays.delete(device);
    else this.#strays.add(device);
  }
}
