import type { AdminFailure } from '../../src/admin/admin-backend.ts';
import type { LedgerBackend, MoveServiceRequest, VerifyServiceRequest } from '../../src/admin/ledger-backend.ts';
import type { ServiceDocument } from '../../src/admin/ledger-documents.ts';
import { failure, type Result, success } from '../../src/base/result.ts';

const at = '2026-03-01T12:00:00.000Z';

export const serviceDocument: ServiceDocument = {
  ...{ name: 'billing', rule: 'billing', from: 'legacy', to: 'aws', share: 'billing' },
  ...{ filters: ['dt/#'], publishes: ['cmd/#'], returns: 'commands' },
  instances: [
    { name: 'billing-1', at: 'removed' },
    { name: 'billing-2', at: 'legacy' },
  ],
  ...{ members: 2, standing: 'both', step: 'awaiting-removal', underWay: false, trouble: null },
  next: 'end one of billing-2',
  measured: { share: 0.499, expectedShare: 0.5, tolerance: 0.05, messages: 1_000 },
  expectedShare: 2 / 3,
  verification: null,
  history: [
    {
      ...{ at, author: 'ops', step: 'verifying', text: '6 of 9 probes came out at aws', share: null },
      probes: { sent: 9, heard: 6, answersSent: 5, answersHeard: 5 },
    },
  ],
};

/** One service, whose steps end when they are looked at for the second time. */
export class FakeLedger implements LedgerBackend {
  current: ServiceDocument = serviceDocument;
  /** What it becomes after the next look. */
  following: ServiceDocument | undefined;
  /** The next request is refused with this. */
  refusal: AdminFailure | undefined;
  readonly asked: unknown[] = [];

  async services(): Promise<Result<readonly ServiceDocument[], AdminFailure>> {
    return success([this.current]);
  }

  async service(name: string): Promise<Result<ServiceDocument, AdminFailure>> {
    if (name !== this.current.name) return failure({ kind: 'not-found', message: `there is no service "${name}"` });
    const { current } = this;
    this.current = this.following ?? current;
    return success(current);
  }

  moveService(name: string, request: MoveServiceRequest): Promise<Result<ServiceDocument, AdminFailure>> {
    return this.#begin(name, { move: name, ...request });
  }

  verifyService(name: string, request: VerifyServiceRequest): Promise<Result<ServiceDocument, AdminFailure>> {
    return this.#begin(name, { verify: name, ...request });
  }

  async #begin(name: string, asked: unknown): Promise<Result<ServiceDocument, AdminFailure>> {
    if (this.refusal !== undefined) return failure(this.refusal);
    this.asked.push(asked);
    return this.service(name);
  }
}
