import type { AdminFailure } from '../admin/admin-backend.ts';
import type { LedgerBackend, MoveServiceRequest, VerifyServiceRequest } from '../admin/ledger-backend.ts';
import type { ServiceDocument } from '../admin/ledger-documents.ts';
import { systemClock } from '../base/clock.ts';
import { errorMessage } from '../base/errors.ts';
import { failure, type Result, success } from '../base/result.ts';
import { type DeskRefusal, ServiceDesk } from '../bridge/service-desk.ts';
import type { KnownService, ServiceTimes } from '../bridge/service-work.ts';
import type { Configuration } from '../config/configuration.ts';
import type { TlsMaterial } from '../config/tls-material.ts';
import type { Logger } from '../telemetry/logger.ts';
import { isReadByNobody, nobodyReads, openBoard } from './bridge-operator.ts';
import { bridgeDialer, bridgeSettings, type ReloadableDialer } from './bridge-terms.ts';
import { serviceDocument } from './service-document.ts';
import { serviceTerms } from './service-terms.ts';

type Answer<Value> = Result<Value, AdminFailure>;

const times: ServiceTimes = {
  ...{ introduceMs: 30_000, probeMs: 30_000, shareWindowMs: 5_000 },
  ...{ retireMs: 60_000, graceMs: 10_000 },
};

/** The services' ledger as operators ask for it: in the gateway's control process, and in a bridge that runs alone. */
export class ServiceLedger implements LedgerBackend {
  readonly #desk: ServiceDesk;
  readonly #dialer: ReloadableDialer;
  readonly #log: Logger;
  readonly #isReadByNobody: () => boolean;

  private constructor(
    desk: ServiceDesk,
    { dialer, log, isReadByNobody }: { dialer: ReloadableDialer; log: Logger; isReadByNobody: () => boolean },
  ) {
    this.#desk = desk;
    this.#dialer = dialer;
    this.#log = log;
    this.#isReadByNobody = isReadByNobody;
  }

  /** Takes up what a process before this one has begun. */
  static open(configuration: Configuration, materials: TlsMaterial, log: Logger): ServiceLedger {
    const { name, directory, brokers } = bridgeSettings(configuration);
    const services = knownServices(configuration);
    const dialer = bridgeDialer(configuration, materials, log);
    const board = openBoard(configuration.bridge);
    const ports = { board, dialer, clock: systemClock, brokers, bridgeName: name };
    const desk = new ServiceDesk({ ...ports, directory, services, times, log });
    if (services.length > 0) desk.start();
    return new ServiceLedger(desk, { dialer, log, isReadByNobody: () => isReadByNobody(configuration.bridge, board) });
  }

  /** For connections made from now on; what is wrong is logged, and the old stays in force. */
  reload(materials: TlsMaterial): void {
    try {
      this.#dialer.reload(materials);
    } catch (error) {
      this.#log.error({ error: errorMessage(error) }, 'The certificates of the services were not swapped');
    }
  }

  /** Leaves what is under way to the next process. */
  async close(): Promise<void> {
    await this.#desk.stop();
    this.#dialer.close();
  }

  async services(): Promise<Answer<readonly ServiceDocument[]>> {
    return this.#read((records) =>
      this.#desk.services.map((known) => serviceDocument(known, records[known.terms.name])),
    );
  }

  async service(name: string): Promise<Answer<ServiceDocument>> {
    const known = this.#desk.services.find(({ terms }) => terms.name === name);
    if (known === undefined)
      return failure({ kind: 'not-found', message: `there is no service ${JSON.stringify(name)}` });
    return this.#read((records) => serviceDocument(known, records[name]));
  }

  async moveService(name: string, request: MoveServiceRequest): Promise<Answer<ServiceDocument>> {
    if (this.#seesNobody()) return failure(nobodyReads);
    const begun = this.#desk.move(name, request);
    return begun.ok ? this.service(name) : failure(toAdminFailure(begun.error, request.way));
  }

  async verifyService(name: string, request: VerifyServiceRequest): Promise<Answer<ServiceDocument>> {
    if (this.#seesNobody()) return failure(nobodyReads);
    const begun = this.#desk.verify(name, request);
    return begun.ok ? this.service(name) : failure(toAdminFailure(begun.error));
  }

  /** What cannot be read is the desk's to tell. */
  #seesNobody(): boolean {
    try {
      return this.#isReadByNobody();
    } catch {
      return false;
    }
  }

  #read<Value>(toValue: (records: ReturnType<ServiceDesk['records']>) => Value): Answer<Value> {
    try {
      return success(toValue(this.#desk.records()));
    } catch (error) {
      return failure({ kind: 'unavailable', message: errorMessage(error) });
    }
  }
}

function knownServices(configuration: Configuration): readonly KnownService[] {
  const { rules } = bridgeSettings(configuration);
  return serviceTerms(configuration).flatMap((terms) => {
    const known = rules.find(({ rule }) => rule.name === terms.rule);
    const returns = rules.find(({ rule }) => rule.name === terms.returns)?.rule;
    if (known === undefined) return [];
    const { rule, members } = known;
    return [{ terms, rule, members, ...(returns !== undefined && { returns }) }];
  });
}

function toAdminFailure({ kind, message }: DeskRefusal, way: 'forth' | 'back' = 'forth'): AdminFailure {
  if (kind !== 'invalid') return { kind, message };
  const field = way === 'back' ? 'started' : 'removed';
  const [, expected = message, got = ''] = /^expected (.*), got (.*)$/.exec(message) ?? [];
  return { kind, message, details: [{ field, expected, got }] };
}
