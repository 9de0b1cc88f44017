import type { BrokerTerms } from './broker-terms.ts';
import type { RefusalReason } from './refusal.ts';
import { SlidingRate } from './sliding-rate.ts';

/** Client IDs that are looked through for old ones at a time when a new one comes. */
const sweepAt = 4_096;

/** CONNECTs a second: of the account, and of each client ID. A CONNECT that is refused for a rate counts for neither. */
export class ConnectRates {
  readonly #account: SlidingRate;
  readonly #perClientId: number;
  readonly #byClientId = new Map<string, { readonly rate: SlidingRate; lastMs: number }>();

  constructor({ connectsPerSecond, connectsPerSecondPerClientId }: BrokerTerms) {
    this.#account = new SlidingRate(connectsPerSecond);
    this.#perClientId = connectsPerSecondPerClientId;
  }

  /** Why a CONNECT has to be refused now; undefined: it is counted. */
  take(clientId: string, nowMs: number): RefusalReason | undefined {
    const known = clientId === '' ? undefined : this.#byClientId.get(clientId);
    if (known !== undefined && !known.rate.hasRoom(nowMs)) return 'client-id-connect-rate';
    if (!this.#account.take(nowMs)) return 'connect-rate';
    if (clientId !== '') this.#count(clientId, known?.rate ?? new SlidingRate(this.#perClientId), nowMs);
    return undefined;
  }

  #count(clientId: string, rate: SlidingRate, nowMs: number): void {
    rate.take(nowMs);
    this.#byClientId.set(clientId, { rate, lastMs: nowMs });
    if (this.#byClientId.size < sweepAt) return;
    for (const [other, { lastMs }] of this.#byClientId) if (nowMs - lastMs > 1_000) this.#byClientId.delete(other);
  }
}
