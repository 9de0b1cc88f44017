import type { AskingNetwork } from '../dns/asking-network.ts';
import { type AddressOctets, subnetKeyOf } from '../plan/subnet-key.ts';

/** Networks and resolvers that asked for steered names lately. */
export interface SeenAskersDocument {
  /** Canonical /24s and /56s. */
  readonly networks: readonly string[];
  /** Networks of resolvers whose own address decided, because they sent no client subnet. */
  readonly resolvers: readonly string[];
}

/** Networks kept of each kind: at most twice this, those seen last. */
const generationSize = 16_384;

/** Remembers who asks for names whose answer depends on it, so that a change of weights can be foretold. */
export class SeenAskers {
  readonly #networks = new RecentKeys();
  readonly #resolvers = new RecentKeys();

  note({ address, prefixLength }: AskingNetwork): void {
    const isResolver = prefixLength === address.length * 8;
    (isResolver ? this.#resolvers : this.#networks).note(address);
    if (isResolver) this.#networks.note(address);
  }

  document(): SeenAskersDocument {
    return { networks: this.#networks.texts(), resolvers: this.#resolvers.texts() };
  }
}

/** Two generations of subnets: the older is dropped when the younger is full. */
class RecentKeys {
  #young = new Map<number | string, AddressOctets>();
  #old = new Map<number | string, AddressOctets>();

  note(address: AddressOctets): void {
    const key =
      address.length === 4
        ? ((address[0] ?? 0) << 16) | ((address[1] ?? 0) << 8) | (address[2] ?? 0)
        : String.fromCharCode(...address.subarray(0, 7));
    if (this.#young.has(key)) return;
    if (this.#young.size >= generationSize) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, address);
  }

  texts(): readonly string[] {
    return [...new Set([...this.#old.values(), ...this.#young.values()].map(subnetKeyOf))];
  }
}
