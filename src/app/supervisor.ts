import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { errorMessage } from '../base/errors.ts';
import type { Configuration } from '../config/configuration.ts';
import type { Logger } from '../telemetry/logger.ts';
import { gatewayCarries } from './bridge-work.ts';
import { type BoundPorts, type Child, startChild } from './child-process.ts';
import type { GatewayMaterials, ReadAgain, ZoneReload } from './gateway-materials.ts';
import { pingsUnanswered } from './hang-watch.ts';
import { assertNameserverPortsAreFree, assertPortIsFree } from './port-probe.ts';
import {
  adminPortName,
  type BridgeNews,
  type ChildMessage,
  type ProcessRole,
  type SnapshotSource,
} from './process-messages.ts';
import { createProcessSlot, noteDeath, type ProcessSlot, refill } from './process-slot.ts';
import { ProcessWait } from './process-wait.ts';
import type { SteeringNotes } from './served-names.ts';

export interface SupervisorOptions {
  readonly configuration: Configuration;
  readonly materials: GatewayMaterials;
  readonly log: Logger;
  /** Reads the files again; what is wrong stays as it was in `current`. */
  readonly readAgain: (current: GatewayMaterials) => Promise<ReadAgain>;
  /** Before a process is started again: certificates as the files have them; zones as the other processes serve them. */
  readonly refreshTls: (current: GatewayMaterials) => GatewayMaterials;
}

const pingEveryMs = 2_000;
/** A process that takes longer to put a reload in force than this is not waited for. */
const reloadMs = 60_000;
/** What a stop grants beyond the drain before it kills. */
const stopGraceMs = 2_000;
/** What the bridge has to finish what is on its way; what it cannot comes again at its next start. */
const bridgeDrainMs = 5_000;

/**
 * Starts one control process, the workers and the bridge, restarts what dies, and ends them in order. It holds no port and no state
 * that a process could not get again, so that there is nothing in it to fail.
 */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #directory = mkdtempSync(join(tmpdir(), 'crossfade-'));
  readonly #ticketSecrets: Readonly<Record<string, string>>;
  readonly #slots: ProcessSlot[] = [];
  readonly #ports: Record<string, number> = {};
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #pingTimer: NodeJS.Timeout;
  #materials: GatewayMaterials;
  #reloads = 0;
  #reloading: Promise<unknown> = Promise.resolve();
  #nextReload: Promise<readonly ZoneReload[]> | undefined;
  /** The plan in force, as the control process last said. */
  #snapshot: SnapshotSource | undefined;
  #steering: SteeringNotes | undefined;
  #bridgeNews: BridgeNews | undefined;
  readonly #cookieSecrets: readonly string[];
  #isStopping = false;
  readonly #wait = new ProcessWait();

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#materials = options.materials;
    this.#pingTimer = setInterval(() => this.#ping(), pingEveryMs);
    const configured = options.configuration.nameserver?.cookieSecrets ?? [];
    this.#cookieSecrets = configured.length > 0 ? configured : [randomBytes(16).toString('hex')];
    this.#ticketSecrets = Object.fromEntries(
      options.configuration.listeners.map(({ name, tls }) => [
        name,
        tls?.ticketSecret ?? randomBytes(32).toString('base64'),
      ]),
    );
  }

  /** Resolves with every bound address by name (the admin address and the listeners'), once every port of every worker is bound. */
  async start(): Promise<BoundPorts> {
    try {
      const { listeners, workers } = this.#options.configuration;
      for (const { name, bind } of listeners) await assertPortIsFree(`listener ${name}`, bind);
      await assertNameserverPortsAreFree(this.#options.configuration.nameserver?.bind ?? []);
      await assertPortIsFree('admin.bind', this.#options.configuration.admin.bind);
      const control = await this.#fill({ kind: 'control' }).child.ready;
      this.#remember(control);
      // The first worker binds port 0 where it is asked for; the others share what it got.
      const first = await this.#fill({ kind: 'worker', worker: 0 }).child.ready;
      this.#remember(first);
      const others = Array.from({ length: workers - 1 }, (_, index) =>
        this.#fill({ kind: 'worker', worker: index + 1 }),
      );
      await Promise.all(others.map(({ child }) => child.ready));
      // Nobody waits for it: devices are served whatever becomes of the bridge.
      if (gatewayCarries(this.#options.configuration.bridge)) this.#fill({ kind: 'bridge' });
      return { ...control, ...first };
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  get pids(): readonly number[] {
    return this.#slots.filter((slot) => !slot.exited).map((slot) => slot.child.pid);
  }

  /**
   * New certificates, CRLs, zones and included files for every process, those restarted later as well. Resolves with what
   * became of the zones when they are in force. Files are read after this call; calls that wait for one reload share it.
   */
  reload(): Promise<readonly ZoneReload[]> {
    if (this.#nextReload !== undefined) return this.#nextReload;
    const next = this.#reloading.then(() => {
      this.#nextReload = undefined;
      return this.#reloadNow();
    });
    this.#nextReload = next;
    this.#reloading = next.catch((error: unknown) => {
      this.#options.log.error({ error: errorMessage(error) }, 'A reload failed; what was in force stays in force');
    });
    return next;
  }

  async #reloadNow(): Promise<readonly ZoneReload[]> {
    const { materials, zones } = await this.#options.readAgain(this.#materials);
    this.#materials = materials;
    this.#reloads += 1;
    const reload = this.#reloads;
    const slots = this.#slots.filter((slot) => !slot.exited);
    for (const slot of slots) slot.child.send({ kind: 'reload', reload, materials });
    // Zones are nothing to the bridge: whoever asks for them does not wait for it.
    const awaited = slots.filter((slot) => slot.role.kind !== 'bridge');
    await this.#wait.until(() => awaited.every((slot) => slot.reloaded >= reload || slot.exited), reloadMs);
    return zones;
  }

  /** To the control process, which is asked by an operator. */
  async #readZones(slot: ProcessSlot, request: number): Promise<void> {
    const zones = await this.reload();
    slot.child.send({ kind: 'zones-read', request, zones });
  }

  /** Lets the workers finish until `deadlineMs` from now, then stops everything. */
  async drain(deadlineMs: number): Promise<void> {
    this.#isStopping = true;
    this.#cancelRestarts();
    const workers = this.#slots.filter((slot) => slot.role.kind === 'worker');
    for (const { child } of workers) child.send({ kind: 'drain', deadlineMs });
    await this.#wait.until(() => workers.every((slot) => slot.drained || slot.exited), deadlineMs + stopGraceMs);
    // What devices said last is on its way to the bridge's sources now.
    const bridge = this.#slots.find((slot) => slot.role.kind === 'bridge');
    bridge?.child.send({ kind: 'drain', deadlineMs: bridgeDrainMs });
    await this.#wait.until(() => bridge === undefined || bridge.drained || bridge.exited, bridgeDrainMs);
    await this.stop();
  }

  /** Ends every process now. Idempotent. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#cancelRestarts();
    clearInterval(this.#pingTimer);
    // The control process is the last: it notes what workers say of their sessions on the way out.
    for (const kind of ['worker', 'bridge', 'control'] as const) {
      const slots = this.#slots.filter((slot) => slot.role.kind === kind);
      for (const { child } of slots) child.send({ kind: 'stop' });
      await this.#wait.until(() => slots.every((slot) => slot.exited), stopGraceMs);
      for (const slot of slots) if (!slot.exited) slot.child.kill('SIGKILL');
      await this.#wait.until(() => slots.every((slot) => slot.exited), stopGraceMs);
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #fill(role: ProcessRole): ProcessSlot {
    const slot: ProcessSlot = createProcessSlot(
      role,
      this.#startChild(role, () => slot),
    );
    this.#slots.push(slot);
    return slot;
  }

  #startChild(role: ProcessRole, slot: () => ProcessSlot): Child {
    return startChild(
      {
        kind: 'start',
        role,
        configuration: this.#options.configuration,
        materials: this.#materials,
        ticketSecrets: this.#ticketSecrets,
        cookieSecrets: this.#cookieSecrets,
        linkPath: join(this.#directory, 'control.sock'),
        ports: this.#ports,
        ...(this.#snapshot !== undefined && { snapshot: this.#snapshot }),
        ...(this.#steering !== undefined && { steering: this.#steering }),
        ...(this.#bridgeNews !== undefined && { bridge: this.#bridgeNews }),
      },
      {
        onExit: (reason) => this.#handleExit(slot(), reason),
        onMessage: (message) => this.#receive(slot(), message),
      },
    );
  }

  #receive(slot: ProcessSlot, message: ChildMessage): void {
    slot.watch.heard();
    if (message.kind === 'ready') slot.isReady = true;
    if (message.kind === 'snapshot') this.#snapshot = message.source;
    if (message.kind === 'steering') this.#steering = message.notes;
    if (message.kind === 'bridge') this.#tellOfBridge(message.news);
    if (message.kind === 'read-zones') this.#readZones(slot, message.request).catch(() => {});
    if (message.kind === 'reloaded') {
      slot.reloaded = message.reload;
      this.#wait.notify();
    }
    if (message.kind === 'told-to-end') void this.#drainOne(slot);
    if (message.kind !== 'drained') return;
    slot.drained = true;
    this.#wait.notify();
  }

  /** The control process shows it to operators, one that is started later as well. */
  #tellOfBridge(news: BridgeNews): void {
    this.#bridgeNews = news;
    const control = this.#slots.find((slot) => slot.role.kind === 'control');
    control?.child.send({ kind: 'bridge', news });
  }

  /** What an operator ends finishes first (a worker hands its sessions back); the others serve on, and it is started again. */
  async #drainOne(slot: ProcessSlot): Promise<void> {
    if (this.#isStopping || slot.role.kind === 'control' || !slot.isReady || slot.isEnding) return;
    slot.isEnding = true;
    const { child } = slot;
    const { drainMs } = this.#options.configuration.limits;
    this.#options.log.info({ process: slot.name, pid: child.pid, drainMs }, 'A process was told to end and is drained');
    child.send({ kind: 'drain', deadlineMs: drainMs });
    await this.#wait.until(() => slot.drained || slot.exited, drainMs + stopGraceMs);
    if (slot.exited) return;
    child.send({ kind: 'stop' });
    await this.#wait.until(() => slot.exited, stopGraceMs);
    if (slot.child === child && !slot.exited) child.kill('SIGKILL');
  }

  #ping(): void {
    for (const slot of this.#slots) {
      if (slot.exited || !slot.isReady) continue;
      if (slot.watch.mayPing()) {
        slot.child.send({ kind: 'ping' });
        continue;
      }
      this.#options.log.error(
        { process: slot.name, pid: slot.child.pid, pingsUnanswered, pingEveryMs },
        'A process of the gateway hangs; it is ended',
      );
      slot.isReady = false;
      slot.child.kill('SIGKILL');
    }
  }

  #cancelRestarts(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #handleExit(slot: ProcessSlot, reason: string): void {
    slot.exited = true;
    slot.isReady = false;
    this.#wait.notify();
    // A start that fails is the starter's to report.
    if (this.#isStopping || this.#ports[adminPortName] === undefined) return;
    const delayMs = noteDeath(slot);
    this.#options.log[slot.isEnding ? 'info' : 'error'](
      { process: slot.name, reason, restartInMs: Math.round(delayMs) },
      'A process of the gateway ended; it is started again',
    );
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#materials = this.#options.refreshTls(this.#materials);
      refill(
        slot,
        this.#startChild(slot.role, () => slot),
      );
      slot.child.ready.then(
        () => this.#options.log.info({ process: slot.name, pid: slot.child.pid }, 'A process of the gateway is back'),
        (error: unknown) =>
          this.#options.log.error(
            { process: slot.name, error: String(error) },
            'A process of the gateway cannot start',
          ),
      );
    }, delayMs);
    this.#timers.add(timer);
  }

  #remember(bound: BoundPorts): void {
    for (const [name, { port }] of Object.entries(bound)) this.#ports[name] = port;
  }
}
