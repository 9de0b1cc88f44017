import type { Socket } from 'node:net';
import type { Result } from '../base/result.ts';

/** A connected socket that nothing was read from; `reportOutcome` says what became of the CONNECT. */
export interface DialedBroker {
  readonly socket: Socket;
  /** `host:port`. */
  readonly endpoint: string;
  reportOutcome(outcome: 'answered' | 'failed'): void;
}

/** The way to a broker: its endpoints, its TLS, what the bridge presents there. `app/` fills it. */
export interface BrokerDialer {
  /** `spreadKey`: connections with different keys prefer different endpoints. */
  dial(
    broker: string,
    options: { readonly spreadKey: string; readonly signal: AbortSignal },
  ): Promise<Result<DialedBroker>>;
}
