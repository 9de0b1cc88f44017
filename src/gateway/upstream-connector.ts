import type { Socket } from 'node:net';
import type { Result } from '../base/result.ts';
import type { ConnectQuestion } from '../mqtt/connect-adaptation.ts';
import type { CredentialFault } from './credential-policy.ts';
import type { BrokerLife, EndpointWatch } from './endpoint-watch.ts';
import type { VouchedIdentity } from './vouched-identity.ts';

/** The device behind an upstream connection, for rendezvous and for PROXY v2. */
export interface UpstreamDevice {
  /** What the broker's endpoints are ranked by: the device key, else the client ID, else the address. */
  readonly rendezvousKey: string;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly commonName?: string;
  /** `TLSv1.2`, `TLSv1.3`, …; absent for a plain listener. */
  readonly tlsVersion?: string;
  readonly certificateVerified: boolean;
  /** Absent: nobody is vouched for. */
  readonly identity?: VouchedIdentity;
}

export interface UpstreamRequest {
  readonly broker: string;
  readonly device: UpstreamDevice;
  /** Asked before every further endpoint after the first (the claim brought the first token). */
  readonly connectToken: () => Promise<boolean>;
  /** Milliseconds for everything together. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export interface UpstreamFailure {
  readonly code: 'unreachable' | 'tls' | 'timeout' | 'rate' | 'aborted' | 'identity' | 'unknown-broker';
  readonly message: string;
}

/**
 * A broker endpoint that finished TCP (and TLS), nothing read from it yet: the socket does not flow before its first
 * `data` listener or `resume`. Look at `destroyed` when taking it; an error before that has been swallowed.
 */
export interface UpstreamConnection {
  readonly socket: Socket;
  readonly endpoint: string;
  readonly watch: EndpointWatch;
  /**
   * What became of a CONNECT: `answered` by a CONNACK; `failed`: closed, or answered by something else; `given-up`: nobody
   * waits for the answer any more, which speaks against the endpoint only if it has had the time of a dial; `turned-away`:
   * closed for an identity that the broker is not known to know, which says nothing of the endpoint.
   */
  reportOutcome(outcome: ConnectOutcome): void;
}

export type ConnectOutcome = 'answered' | 'failed' | 'given-up' | 'turned-away';

/** Dials the endpoints of a broker, healthy ones first, as the broker's identity mode says. */
export interface UpstreamConnector {
  connect(request: UpstreamRequest): Promise<Result<UpstreamConnection, UpstreamFailure>>;
  /**
   * The question with the credentials that the broker's identity mode makes of the device's, or why there are none.
   * Absent: they go as they came.
   */
  authorize?(
    broker: string,
    device: UpstreamDevice,
    question: ConnectQuestion,
  ): Result<ConnectQuestion, CredentialFault> | Promise<Result<ConnectQuestion, CredentialFault>>;
  /** The certificate, PEM, that the broker is shown in the device's name; absent, or rejects: there is none. */
  certificateOf?(broker: string, device: UpstreamDevice): Promise<string>;
  /** When it was heard from, and whether it has failed since; of a broker that is not there nothing is known. */
  brokerLife(broker: string): BrokerLife;
  close(): void;
}
