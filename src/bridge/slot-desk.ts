import type { Clock } from '../base/clock.ts';
import { errorMessage } from '../base/errors.ts';
import type { FileLock } from '../base/file-lock.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { BridgeDirectory, Presence } from './bridge-directory.ts';
import type { BridgeRule } from './bridge-settings.ts';
import type { BridgeBoard, RuleWish, RuleWishes, SlotStatus } from './bridge-status.ts';
import { writeStatus } from './directory-board.ts';
import { type Slot, slotKey, slotsOf, succeeds } from './division/slot.ts';
import { byPreference, slotQuota } from './division/slot-division.ts';
import type { LinkRunner } from './link-runner.ts';
import { slotStatus } from './slot-status.ts';

export interface SlotDeskOptions {
  readonly rules: readonly BridgeRule[];
  /** One process works all slots and the others wait for its end: what it knows of echoes it cannot share. */
  readonly isUndivided: boolean;
  readonly directory: BridgeDirectory;
  readonly board: Pick<BridgeBoard, 'readWishes' | 'readStatuses'>;
  readonly presence: Presence;
  readonly clock: Clock;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
  /** Opens the files of a slot whose lock is held. */
  createRunner(slot: Slot): Promise<LinkRunner>;
  /** The slots that this process works are others now. */
  onChange(): void;
}

/** A slot that this process has the lock of. */
interface WorkedSlot {
  readonly slot: Slot;
  readonly lock: FileLock;
  /** Absent while its files are opened. */
  runner?: LinkRunner;
  isLeaving: boolean;
  isEnding: boolean;
  /** Of its rule's wish, when it began. */
  readonly resumes: number;
}

const failedAgainMs = 5_000;

/**
 * The slots of one process: it takes its part of them, gives back what is another's, ends what nobody wants any more,
 * and says on the board what it does. `turn` is called every half second.
 */
export class SlotDesk {
  readonly #options: SlotDeskOptions;
  readonly #worked = new Map<string, WorkedSlot>();
  readonly #failedAtMs = new Map<string, number>();
  readonly #busy = new Set<Promise<unknown>>();
  readonly #startedAtMs: number;
  /** Undefined: nobody has read yet what is wanted, and nothing is done before. */
  #wishes: RuleWishes | undefined;
  #isStatusUnwritten = false;
  #isEnding = false;

  constructor(options: SlotDeskOptions) {
    this.#options = options;
    this.#startedAtMs = options.clock.wallMs();
  }

  get runners(): readonly LinkRunner[] {
    return [...this.#worked.values()].flatMap(({ runner, isEnding }) =>
      runner === undefined || isEnding ? [] : [runner],
    );
  }

  /** Looks who lives and what is wanted. Throws where the directory cannot be read. */
  turn(): void {
    if (this.#isEnding) return;
    const { directory, presence, isUndivided } = this.#options;
    this.#readWishes();
    const wanted = this.#wanted();
    const slots = new Map(directory.slotsOnDisk().map((slot) => [slotKey(slot), slot]));
    for (const [key, slot] of wanted) slots.set(key, slot);
    const processes = [...new Set([...directory.livingProcesses(), presence.process])];
    const isFirst = processes.every((name) => name >= presence.process);
    const undividedQuota = isFirst ? slots.size : 0;
    const quota = isUndivided ? undividedQuota : slotQuota(slots.size, processes, presence.process);
    this.#tend(wanted);
    this.#giveBack(quota);
    this.#take(slots, wanted, quota);
    this.#writeStatus();
  }

  /** Of the slots that this process works, as they are now. */
  statuses(): readonly SlotStatus[] {
    const nowMs = this.#options.clock.monotonicMs();
    return [...this.#worked.values()].flatMap(({ runner, isLeaving }) =>
      runner === undefined ? [] : [slotStatus(runner, isLeaving, nowMs)],
    );
  }

  /** Settles when everything that the turns so far began is done. */
  async settled(): Promise<void> {
    while (this.#busy.size > 0) await Promise.all(this.#busy);
  }

  /** Lets everything go. */
  async end(): Promise<void> {
    this.#isEnding = true;
    await this.settled();
    for (const worked of this.#worked.values()) this.#end(worked);
    await this.settled();
  }

  /** What cannot be read for once is as it was. */
  #readWishes(): void {
    const { board, log } = this.#options;
    try {
      this.#wishes = board.readWishes();
    } catch (error) {
      if (this.#wishes === undefined) throw error;
      log.error({ error: errorMessage(error) }, 'What is wanted of the bridge cannot be read: it stays as it was');
    }
  }

  #wishOf({ rule }: Slot): RuleWish | undefined {
    return this.#wishes?.[rule.name];
  }

  #wanted(): ReadonlyMap<string, Slot> {
    const slots = this.#options.rules.flatMap(({ rule, members, partitions }) =>
      slotsOf(rule, { members: this.#wishes?.[rule.name]?.members ?? members, partitions }),
    );
    return new Map(slots.map((slot) => [slotKey(slot), slot]));
  }

  /** What is worked follows what is wanted. */
  #tend(wanted: ReadonlyMap<string, Slot>): void {
    for (const [key, worked] of this.#worked) {
      const { runner, slot } = worked;
      if (runner === undefined || worked.isEnding) continue;
      const wish = this.#wishOf(slot);
      const isWanted = wanted.has(key);
      const isResumed = runner.link.isStopped && (wish?.resumes ?? 0) > worked.resumes;
      if (isResumed || (isWanted && worked.isLeaving)) this.#end(worked);
      else if (worked.isLeaving && runner.link.hasLeft) this.#remove(worked);
      else if (!isWanted && !worked.isLeaving && this.#mayLeave(slot, wanted)) this.#retire(worked, runner);
      else runner.pause(wish?.isPaused === true && !worked.isLeaving);
    }
  }

  /** Who is subscribed to the same from now on, in whatever process, has to be so first: else a message finds nobody. */
  #mayLeave(slot: Slot, wanted: ReadonlyMap<string, Slot>): boolean {
    const successors = [...wanted.values()].filter((next) => succeeds(next, slot));
    if (successors.length === 0) return true;
    const { board, presence } = this.#options;
    const others = board.readStatuses().filter(({ process }) => process !== presence.process);
    const slots = [...this.statuses(), ...others.flatMap((status) => status.slots)];
    return successors.every(({ rule, label }) =>
      slots.some((status) => status.rule === rule.name && status.slot === label && status.isSubscribed),
    );
  }

  #giveBack(quota: number): void {
    const held = [...this.#worked.keys()];
    if (held.length <= quota) return;
    for (const key of byPreference(held, this.#options.presence.process).slice(quota)) {
      const worked = this.#worked.get(key) as WorkedSlot;
      if (!worked.isEnding && worked.runner !== undefined) this.#end(worked);
    }
  }

  #take(slots: ReadonlyMap<string, Slot>, wanted: ReadonlyMap<string, Slot>, quota: number): void {
    const { presence, directory, clock } = this.#options;
    const free = [...slots.keys()].filter((key) => !this.#worked.has(key));
    for (const key of byPreference(free, presence.process)) {
      if (this.#worked.size >= quota) return;
      if (clock.monotonicMs() - (this.#failedAtMs.get(key) ?? Number.NEGATIVE_INFINITY) < failedAgainMs) continue;
      const slot = slots.get(key) as Slot;
      const lock = this.#claim(key, slot);
      if (lock === undefined) continue;
      const isLeaving = !wanted.has(key) && this.#mayLeave(slot, wanted);
      // Another process has finished it meanwhile.
      if (!wanted.has(key) && !directory.isOnDisk(slot)) {
        lock.release();
        continue;
      }
      const resumes = this.#wishOf(slot)?.resumes ?? 0;
      const worked: WorkedSlot = { slot, lock, isLeaving, isEnding: false, resumes };
      this.#worked.set(key, worked);
      this.#does(
        this.#begin(worked).catch((error: unknown) => {
          this.#tellFailed(key, error);
          this.#letGo(worked);
        }),
      );
    }
  }

  /** One that cannot be locked keeps no other from being worked. */
  #claim(key: string, slot: Slot): FileLock | undefined {
    try {
      return this.#options.directory.claim(slot);
    } catch (error) {
      this.#tellFailed(key, error);
      return undefined;
    }
  }

  #tellFailed(key: string, error: unknown): void {
    const { clock, log } = this.#options;
    this.#failedAtMs.set(key, clock.monotonicMs());
    log.error({ slot: key, error: errorMessage(error) }, 'A slot of the bridge cannot be worked; it is tried again');
  }

  async #begin(worked: WorkedSlot): Promise<void> {
    const { directory, log, onChange } = this.#options;
    const { slot, isLeaving } = worked;
    const { rule, label } = slot;
    if (!isLeaving) directory.describeSlot(slot);
    const runner = await this.#options.createRunner(slot);
    worked.runner = runner;
    this.#failedAtMs.delete(slotKey(slot));
    log.info({ rule: rule.name, slot: label, isLeaving }, 'A slot of the bridge is worked by this process');
    runner.pause(this.#wishOf(slot)?.isPaused === true && !isLeaving);
    runner.start();
    if (isLeaving) runner.retire();
    onChange();
  }

  #retire(worked: WorkedSlot, runner: LinkRunner): void {
    const { rule, label } = worked.slot;
    this.#options.log.info({ rule: rule.name, slot: label }, 'A slot of the bridge leaves');
    worked.isLeaving = true;
    runner.pause(false);
    runner.retire();
  }

  #remove(worked: WorkedSlot): void {
    this.#end(worked, () => {
      this.#options.directory.removeSlot(worked.slot);
      this.#options.log.info({ rule: worked.slot.rule.name, slot: worked.slot.label }, 'A slot of the bridge has left');
    });
  }

  /** Drains it, and gives its lock back. */
  #end(worked: WorkedSlot, whenStopped: () => void = () => {}): void {
    if (worked.isEnding) return;
    worked.isEnding = true;
    const ended = async () => {
      try {
        await worked.runner?.stop();
        whenStopped();
      } finally {
        this.#letGo(worked);
      }
    };
    this.#does(
      ended().catch((error: unknown) => {
        const { rule, label } = worked.slot;
        const { log } = this.#options;
        log.error(
          { rule: rule.name, slot: label, error: errorMessage(error) },
          'A slot of the bridge did not end well',
        );
      }),
    );
  }

  #letGo(worked: WorkedSlot): void {
    worked.lock.release();
    this.#worked.delete(slotKey(worked.slot));
    this.#options.onChange();
  }

  #does(work: Promise<unknown>): void {
    this.#busy.add(work);
    void work.finally(() => this.#busy.delete(work));
  }

  /** Where it cannot be written, what the slots do goes on. */
  #writeStatus(): void {
    const { directory, presence, clock, log } = this.#options;
    const slots = this.statuses();
    const times = { startedAtMs: this.#startedAtMs, writtenAtMs: clock.wallMs() };
    try {
      writeStatus(directory, { process: presence.process, pid: process.pid, ...times, slots });
      this.#isStatusUnwritten = false;
    } catch (error) {
      if (!this.#isStatusUnwritten)
        log.error({ error: errorMessage(error) }, 'The bridge cannot write its status: what is shown of it is old');
      this.#isStatusUnwritten = true;
    }
  }
}
