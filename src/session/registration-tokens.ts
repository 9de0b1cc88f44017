/**
 * The first contacts a second that brokers are to have of all workers together: each may cost a registration of a
 * certificate, as one worker sees them.
 */
export interface RegistrationTokens {
  /** Calls `handleGranted` once, in the order of the wishes and never before it returns. What is returned takes the wish back. */
  take(broker: string, handleGranted: () => void): () => void;
  /** So many were used without a token, or below 0: given back. */
  spend(broker: string, registrations: number): void;
}
