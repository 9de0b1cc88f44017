import { rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import type { BridgeOverlap } from './bridge-overlap.ts';
import { type ControlLink, openControlLink } from './control-link.ts';
import type {
  ControlMessage,
  SnapshotSource,
  WorkerFigures,
  WorkerMessage,
  WorkerQuestion,
} from './process-messages.ts';
import type { SteeringNotes } from './served-names.ts';

export interface WorkerHubHandlers {
  readonly onHello: (message: Extract<WorkerMessage, { kind: 'hello' }>) => void;
  readonly onMessage: (worker: number, message: WorkerMessage) => void;
  readonly onGone: (worker: number, figures: WorkerFigures | undefined) => void;
}

export interface WorkerSummary {
  readonly worker: number;
  readonly pid: number;
  /** The last revision that it acknowledged; 0 before the first. */
  readonly revision: number;
  readonly figures: WorkerFigures | undefined;
}

interface ConnectedWorker {
  readonly pid: number;
  readonly link: ControlLink<ControlMessage>;
  readonly pending: Map<number, (value: unknown) => void>;
  revision: number;
  figures: WorkerFigures | undefined;
}

/** A worker takes a control process that is silent for six of these as hung. */
const beatEveryMs = 250;

/** The control process's end of all control links. */
export class WorkerHub {
  readonly #workers = new Map<number, ConnectedWorker>();
  readonly #handlers: WorkerHubHandlers;
  readonly #acknowledged = new Set<() => void>();
  readonly #server: Server;
  #source: SnapshotSource | undefined;
  #steering: SteeringNotes | undefined;
  #overlaps: readonly BridgeOverlap[] = [];
  /** Every link, those before their `hello` included. */
  readonly #links = new Set<ControlLink<ControlMessage>>();
  readonly #beatTimer: NodeJS.Timeout;
  #nextRequest = 1;

  constructor(handlers: WorkerHubHandlers) {
    this.#handlers = handlers;
    this.#beatTimer = setInterval(() => {
      for (const link of this.#links) link.send({ kind: 'beat' });
    }, beatEveryMs);
    this.#server = createServer((socket) => {
      let known: { readonly worker: number; readonly entry: ConnectedWorker } | undefined;
      const link = openControlLink<WorkerMessage, ControlMessage>(socket, {
        onMessage: (message) => {
          if (message.kind === 'hello') known = this.#welcome(message, link);
          else if (known !== undefined) this.#receive(known.worker, known.entry, message);
        },
        onClose: () => {
          this.#links.delete(link);
          if (known !== undefined) this.#forget(known.worker, known.entry);
        },
      });
      this.#links.add(link);
      link.send({ kind: 'beat' });
    });
  }

  /** A control process that died may have left its socket file behind. */
  listen(path: string): Promise<void> {
    rmSync(path, { force: true });
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(path, resolve);
    });
  }

  send(worker: number, message: ControlMessage): void {
    this.#workers.get(worker)?.link.send(message);
  }

  /** Gives the snapshot to every worker, those that come later included. */
  publish(source: SnapshotSource): void {
    this.#source = source;
    for (const { link } of this.#workers.values()) link.send({ kind: 'snapshot', source });
  }

  /** The same for what is known of sites and aliases. */
  publishSteering(notes: SteeringNotes): void {
    this.#steering = notes;
    for (const { link } of this.#workers.values()) link.send({ kind: 'steering', notes });
  }

  /** The same for the overlaps that a bridge's delay wants. */
  publishOverlaps(overlaps: readonly BridgeOverlap[]): void {
    this.#overlaps = overlaps;
    for (const { link } of this.#workers.values()) link.send({ kind: 'bridge-overlaps', overlaps });
  }

  /** Resolves when every connected worker has the revision, or false after `timeoutMs`. */
  acknowledged(revision: number, timeoutMs: number): Promise<boolean> {
    const isDone = () => [...this.#workers.values()].every((worker) => worker.revision >= revision);
    if (isDone()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const settle = (done: boolean) => {
        clearTimeout(timer);
        this.#acknowledged.delete(check);
        resolve(done);
      };
      const check = () => {
        if (isDone()) settle(true);
      };
      const timer = setTimeout(() => settle(false), timeoutMs);
      this.#acknowledged.add(check);
    });
  }

  /** Asks one worker; undefined when it is gone or does not answer in time. */
  ask(worker: number, question: WorkerQuestion, timeoutMs: number): Promise<unknown> {
    const entry = this.#workers.get(worker);
    if (entry === undefined) return Promise.resolve(undefined);
    const request = this.#nextRequest++;
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        entry.pending.delete(request);
        resolve(undefined);
      }, timeoutMs);
      entry.pending.set(request, (value) => {
        clearTimeout(timer);
        resolve(value);
      });
      entry.link.send({ kind: 'request', request, question });
    });
  }

  workers(): readonly WorkerSummary[] {
    return [...this.#workers]
      .map(([worker, { pid, revision, figures }]) => ({ worker, pid, revision, figures }))
      .sort((a, b) => a.worker - b.worker);
  }

  /** Fresh figures of every worker; one that does not answer in time keeps its last ones. */
  async refreshFigures(timeoutMs: number): Promise<readonly WorkerSummary[]> {
    const refresh = async ([worker, entry]: readonly [number, ConnectedWorker]) => {
      const value = await this.ask(worker, { kind: 'figures' }, timeoutMs);
      if (value !== undefined) entry.figures = value as WorkerFigures;
    };
    await Promise.all([...this.#workers].map(refresh));
    // A worker that came meanwhile must not be listed as one without sessions.
    await Promise.all([...this.#workers].filter(([, { figures }]) => figures === undefined).map(refresh));
    return this.workers();
  }

  close(): void {
    clearInterval(this.#beatTimer);
    for (const link of this.#links) link.close();
    this.#server.close();
  }

  #welcome(
    message: Extract<WorkerMessage, { kind: 'hello' }>,
    link: ControlLink<ControlMessage>,
  ): { readonly worker: number; readonly entry: ConnectedWorker } {
    const entry: ConnectedWorker = { pid: message.pid, link, pending: new Map(), revision: 0, figures: undefined };
    const earlier = this.#workers.get(message.worker);
    if (earlier !== undefined) this.#forget(message.worker, earlier);
    this.#workers.set(message.worker, entry);
    if (this.#source !== undefined) link.send({ kind: 'snapshot', source: this.#source });
    if (this.#steering !== undefined) link.send({ kind: 'steering', notes: this.#steering });
    // What an earlier control process told may be of another day.
    link.send({ kind: 'bridge-overlaps', overlaps: this.#overlaps });
    this.#handlers.onHello(message);
    return { worker: message.worker, entry };
  }

  #receive(worker: number, entry: ConnectedWorker, message: WorkerMessage): void {
    if (message.kind === 'reply') {
      entry.pending.get(message.request)?.(message.value);
      entry.pending.delete(message.request);
    } else if (message.kind === 'revision') {
      entry.revision = message.revision;
      for (const check of this.#acknowledged) check();
    } else if (message.kind === 'figures') {
      entry.figures = message.figures;
    } else {
      this.#handlers.onMessage(worker, message);
    }
  }

  #forget(worker: number, entry: ConnectedWorker): void {
    for (const answer of entry.pending.values()) answer(undefined);
    entry.pending.clear();
    entry.link.close();
    if (this.#workers.get(worker) !== entry) return;
    this.#workers.delete(worker);
    for (const check of this.#acknowledged) check();
    this.#handlers.onGone(worker, entry.figures);
  }
}
