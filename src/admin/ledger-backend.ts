import type { AdminResult } from './admin-backend.ts';
import type { ServiceDocument } from './ledger-documents.ts';

export interface MoveServiceRequest {
  readonly way: 'forth' | 'back';
  /** The instance that was ended, or with `back` started again. */
  readonly instance?: string;
  /** Milliseconds that the share is measured for; absent: as the ledger does. */
  readonly windowMs?: number;
  readonly author: string;
}

export interface VerifyServiceRequest {
  readonly windowMs: number;
  readonly author: string;
}

/** What the routes of the services' ledger ask, in the gateway and in a bridge that runs alone; `app/` fills it. */
export interface LedgerBackend {
  services(): AdminResult<readonly ServiceDocument[]>;
  service(name: string): AdminResult<ServiceDocument>;
  /** Answers when the step has begun; what becomes of it is in the document. */
  moveService(name: string, request: MoveServiceRequest): AdminResult<ServiceDocument>;
  verifyService(name: string, request: VerifyServiceRequest): AdminResult<ServiceDocument>;
}
