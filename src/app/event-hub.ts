import type { AdminEvent } from '../admin/admin-api.ts';

/** Hands what happens in the control process to those who listen. */
export class EventHub {
  readonly #listeners = new Set<(event: AdminEvent) => void>();

  emit(event: AdminEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  subscribe(listener: (event: AdminEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}
