/** A wish for topic filters that a broker is to be asked for. */
export interface FilterWish {
  readonly broker: string;
  readonly filters: number;
}

/** The topic filters a second that brokers take of all workers together, as one worker sees them. */
export interface FilterTokens {
  /** False: the broker takes as many as it is asked for, and nobody needs a token. */
  isBound(broker: string): boolean;
  /**
   * Calls `handleGranted` once, when so many may be asked for; never before it returns. What is returned takes the wish
   * back. It waits as long as it takes: in the order of the wishes, a broker's without haste.
   */
  take(wish: FilterWish, handleGranted: () => void): () => void;
  /** They are asked for without a token: what waits for one waits the longer. */
  spend(wish: FilterWish): void;
}
