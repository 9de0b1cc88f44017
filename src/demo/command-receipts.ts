import { ConditionWatch } from './condition-watch.ts';

/** Which devices have received the command of the round, each its own. */
export class CommandReceipts {
  readonly #changes = new ConditionWatch();
  readonly #received = new Set<string>();
  #text = '';

  /** Begins a round: only this text counts from now on. */
  begin(text: string): void {
    this.#text = text;
    this.#received.clear();
  }

  handleCommand(device: string, text: string): void {
    if (text !== this.#text) return;
    this.#received.add(device);
    this.#changes.notify();
  }

  /** Devices that have it. */
  get count(): number {
    return this.#received.size;
  }

  /** True once so many devices have it; false after `timeoutMs`. */
  settle(devices: number, options: { readonly timeoutMs: number; readonly signal: AbortSignal }): Promise<boolean> {
    return this.#changes.until(() => this.#received.size >= devices, options);
  }
}
