import type { Finding } from '../mqtt/adaptation-kind.ts';

/** A device of a cohort, and the broker that it may be moved to. */
export interface AssessedClient {
  readonly clientId: string;
  readonly cohort: string;
  /** The cohort's target. */
  readonly target: string;
}

/**
 * Where a worker's sessions tell what they learn about a target while their devices are on the source, and what the
 * target turned out not to carry. Both calls only note: nothing is sent or written before the turn of the event loop
 * ends, and nothing fails. A device without a client ID is not noted.
 */
export interface Assessments {
  /** A session of the cohort is attached on `broker`; on the target itself nothing is noted. */
  observed(device: AssessedClient & { readonly broker: string }): void;
  /** Once per connection and kind; the example holds no payload and no credential. */
  found(device: AssessedClient, finding: Finding): void;
}
