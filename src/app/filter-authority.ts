import type { Clock } from '../base/clock.ts';
import { FilterGates } from './filter-gates.ts';
import type { ControlMessage, WorkerMessage } from './process-messages.ts';

/** The filter rates of the control process, for all workers. */
export class FilterAuthority {
  readonly #gates: FilterGates;
  readonly #send: (worker: number, message: ControlMessage) => void;
  /** What takes a wish back, by worker and claim. */
  readonly #wishes = new Map<number, Map<number, () => void>>();

  constructor(
    rates: Readonly<Record<string, number>>,
    { clock, send }: { readonly clock: Clock; readonly send: (worker: number, message: ControlMessage) => void },
  ) {
    this.#gates = new FilterGates(rates, clock);
    this.#send = send;
  }

  handleFilters(worker: number, { claim, broker, filters }: Extract<WorkerMessage, { kind: 'filters' }>): void {
    const wishes = this.#wishes.get(worker) ?? new Map<number, () => void>();
    this.#wishes.set(worker, wishes);
    const answer = () => {
      wishes.delete(claim);
      this.#send(worker, { kind: 'filters-granted', claim });
    };
    wishes.set(claim, this.#gates.ask({ broker, filters, answer }));
  }

  handleWithdraw(worker: number, { claim }: Extract<WorkerMessage, { kind: 'withdraw-filters' }>): void {
    const wishes = this.#wishes.get(worker);
    wishes?.get(claim)?.();
    wishes?.delete(claim);
  }

  handleSpent({ broker, filters }: Extract<WorkerMessage, { kind: 'filters-spent' }>): void {
    this.#gates.spend({ broker, filters });
  }

  workerGone(worker: number): void {
    for (const takeBack of this.#wishes.get(worker)?.values() ?? []) takeBack();
    this.#wishes.delete(worker);
  }

  close(): void {
    this.#gates.close();
  }
}
