import { join } from 'node:path';
import { errorMessage } from '../base/errors.ts';
import { type FileLock, lockFile } from '../base/file-lock.ts';
import { failure, type Result, success } from '../base/result.ts';
import type { Logger } from '../telemetry/logger.ts';
import { introduceMembers, retireMembers } from './member-task.ts';
import { probeService } from './probe-task.ts';
import { readServiceRecords, writeServiceRecord } from './service-ledger-file.ts';
import {
  type KnownService,
  type ServiceTimes,
  type ServiceWork,
  type ServiceWorkPorts,
  wantedMembers,
} from './service-work.ts';
import {
  endServiceTask,
  requestService,
  type ServiceOutcome,
  type ServiceRequest,
  type ServiceTask,
  serviceTask,
} from './services/service-ledger.ts';
import { isWorking, type ServiceRecord, untouchedService, type VerificationRecord } from './services/service-record.ts';
import { measureShare } from './share-task.ts';
import { verifyService } from './verify-task.ts';

export interface ServiceDeskOptions extends ServiceWorkPorts {
  /** The bridge's. */
  readonly directory: string;
  readonly services: readonly KnownService[];
  readonly times: ServiceTimes;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
}

export interface DeskRefusal {
  readonly kind: 'not-found' | 'invalid' | 'not-now' | 'unavailable';
  readonly message: string;
}

export interface MoveCall extends Omit<ServiceRequest, 'members'> {
  /** Milliseconds that the share is measured for; absent: as long as the desk does. */
  readonly windowMs?: number;
}

export interface VerifyCall {
  readonly windowMs: number;
  readonly author: string;
}

/** Milliseconds between two looks for work that a process has left behind. */
const resumeMs = 2_000;

/**
 * Works on services: one task at a time for each, every step on disk before the next begins. Of the processes of a bridge
 * one does so at a time; what one leaves behind, another takes up.
 */
export class ServiceDesk {
  readonly #options: ServiceDeskOptions;
  readonly #controller = new AbortController();
  readonly #running = new Map<string, Promise<void>>();
  #lock: FileLock | undefined;
  #looks: NodeJS.Timeout | undefined;

  constructor(options: ServiceDeskOptions) {
    this.#options = options;
  }

  /** Takes up what was under way, now and later. */
  start(): void {
    this.#resume();
    this.#looks = setInterval(() => this.#resume(), resumeMs).unref();
  }

  /** Leaves what is under way to the next start. Idempotent. */
  async stop(): Promise<void> {
    clearInterval(this.#looks);
    this.#controller.abort();
    await Promise.all(this.#running.values());
  }

  get services(): readonly KnownService[] {
    return this.#options.services;
  }

  /** Throws CrossfadeError `bridge` where the ledger cannot be read. */
  records(): Readonly<Record<string, ServiceRecord>> {
    return readServiceRecords(this.#options.directory);
  }

  move(name: string, { windowMs, ...request }: MoveCall): Result<void, DeskRefusal> {
    return this.#begin(name, (service) => {
      const { terms } = service;
      const { instance } = request;
      if (instance !== undefined && !terms.instances.includes(instance)) {
        const message = `expected one of the instances ${terms.instances.join(', ')}, got ${JSON.stringify(instance)}`;
        return failure({ kind: 'invalid', message });
      }
      const members = wantedMembers({ ...service, board: this.#options.board });
      const asked = requestService(terms, this.#record(name), { ...request, members }, this.#options.clock.wallMs());
      if (!asked.ok) return failure({ kind: 'not-now', message: asked.error });
      this.#write(name, asked.value);
      const { times } = this.#options;
      if (!isWorking(asked.value)) return success(undefined);
      return success(() => this.#work(service, windowMs === undefined ? times : { ...times, shareWindowMs: windowMs }));
    });
  }

  verify(name: string, { windowMs, author }: VerifyCall): Result<void, DeskRefusal> {
    return this.#begin(name, (service) => {
      const startedAtMs = this.#options.clock.wallMs();
      const text = `source and target are held against each other for ${windowMs / 1_000} s`;
      const verification = { author, startedAtMs, windowMs } as const;
      this.#write(name, { ...this.#record(name), verification: { ...verification, state: 'running', text } });
      return success(() => this.#verify(service, verification));
    });
  }

  /** Checks that nobody works on it, takes the lock, and runs what `prepare` gives, where it does, in the background. */
  #begin(
    name: string,
    prepare: (service: KnownService) => Result<(() => Promise<void>) | undefined, DeskRefusal>,
  ): Result<void, DeskRefusal> {
    const service = this.#options.services.find(({ terms }) => terms.name === name);
    if (service === undefined)
      return failure({ kind: 'not-found', message: `there is no service ${JSON.stringify(name)}` });
    if (this.#running.has(name)) {
      return failure({ kind: 'not-now', message: `the service ${name} is being worked on: wait until that has ended` });
    }
    if (!this.#takeLock()) {
      const message = 'another process of this bridge works on its services: ask that one, or wait until it has ended';
      return failure({ kind: 'not-now', message });
    }
    try {
      const prepared = prepare(service);
      if (!prepared.ok) return prepared;
      if (prepared.value !== undefined) this.#run(name, prepared.value);
      return success(undefined);
    } catch (error) {
      return failure({ kind: 'unavailable', message: errorMessage(error) });
    } finally {
      this.#dropLockWhenIdle();
    }
  }

  #run(name: string, work: () => Promise<void>): void {
    const { log } = this.#options;
    const running = work()
      .catch((error: unknown) => {
        if (!this.#controller.signal.aborted)
          log.error({ service: name, error: errorMessage(error) }, 'Work on a service has ended in the middle');
      })
      .finally(() => {
        this.#running.delete(name);
        this.#dropLockWhenIdle();
      });
    this.#running.set(name, running);
  }

  /** Step after step, until it is an operator's turn. */
  async #work(service: KnownService, times: ServiceTimes): Promise<void> {
    const { clock, log } = this.#options;
    const { terms } = service;
    for (;;) {
      const record = this.#record(terms.name);
      const task = isWorking(record) ? serviceTask(terms, record) : undefined;
      if (task === undefined) return;
      const outcome = await this.#outcome(task, this.#workOf(service, times));
      const { step } = record;
      log.info(
        { service: terms.name, step: step.kind, outcome: outcome.kind, text: outcome.text },
        'A step of a service',
      );
      // Read again: nobody else writes the steps, but the file has other services too.
      this.#write(terms.name, endServiceTask(terms, this.#record(terms.name), outcome, clock.wallMs()));
    }
  }

  async #outcome(task: ServiceTask, work: ServiceWork): Promise<ServiceOutcome> {
    try {
      return await runTask(task, work);
    } catch (error) {
      // The next start goes on with the same step.
      if (work.signal.aborted) throw error;
      return { kind: 'failed', text: errorMessage(error) };
    }
  }

  async #verify(
    service: KnownService,
    verification: Pick<VerificationRecord, 'author' | 'startedAtMs' | 'windowMs'>,
  ): Promise<void> {
    const { name, instances } = service.terms;
    const { removed } = this.#record(name);
    const legacy = instances.filter((instance) => !removed.includes(instance)).length;
    const work = this.#workOf(service, this.#options.times);
    let ended: Pick<VerificationRecord, 'state' | 'text' | 'window' | 'bridge'>;
    try {
      const { isComplete, ...rest } = await verifyService(work, { windowMs: verification.windowMs, legacy });
      ended = { state: isComplete ? 'complete' : 'incomplete', ...rest };
    } catch (error) {
      const text = work.signal.aborted ? abandoned : errorMessage(error);
      ended = { state: 'failed', text };
    }
    this.#write(name, { ...this.#record(name), verification: { ...verification, ...ended } });
  }

  #workOf(service: KnownService, times: ServiceTimes): ServiceWork {
    const { board, dialer, clock, brokers, bridgeName } = this.#options;
    return { ...service, ...{ board, dialer, clock, brokers, bridgeName, times }, signal: this.#controller.signal };
  }

  /** What is at work by the ledger, and by nobody: its process has ended. */
  #resume(): void {
    const { services, times, log } = this.#options;
    try {
      const records = this.records();
      const left = services.filter(({ terms: { name } }) => {
        const record = records[name];
        return record !== undefined && !this.#running.has(name) && isLeft(record);
      });
      if (left.length === 0 || !this.#takeLock()) return;
      for (const service of left) this.#takeUp(service, times);
    } catch (error) {
      log.warn({ error: errorMessage(error) }, 'The ledger of the services cannot be read');
    } finally {
      this.#dropLockWhenIdle();
    }
  }

  #takeUp(service: KnownService, times: ServiceTimes): void {
    const { name } = service.terms;
    // Read under the lock: another process may just have ended it.
    const record = this.#record(name);
    const { verification } = record;
    if (verification?.state === 'running') {
      this.#write(name, { ...record, verification: { ...verification, state: 'failed', text: abandoned } });
    }
    if (isWorking(record)) this.#run(name, () => this.#work(service, times));
  }

  #record(name: string): ServiceRecord {
    return this.records()[name] ?? untouchedService;
  }

  #write(name: string, record: ServiceRecord): void {
    writeServiceRecord(this.#options.directory, name, record);
  }

  #takeLock(): boolean {
    if (this.#lock !== undefined) return true;
    const lock = lockFile(join(this.#options.directory, 'locks', 'services.lock'));
    if (lock.ok) this.#lock = lock.value;
    return lock.ok;
  }

  #dropLockWhenIdle(): void {
    if (this.#running.size > 0) return;
    this.#lock?.release();
    this.#lock = undefined;
  }
}

const abandoned = 'the process that counted has ended: verify again';

function isLeft(record: ServiceRecord): boolean {
  return isWorking(record) || record.verification?.state === 'running';
}

function runTask(task: ServiceTask, work: ServiceWork): Promise<ServiceOutcome> {
  switch (task.kind) {
    case 'introduce':
      return introduceMembers(work, task.members);
    case 'probe':
      return probeService(work, task);
    case 'measure':
      return measureShare(work, task);
    case 'retire':
      return retireMembers(work, task.members);
  }
}
