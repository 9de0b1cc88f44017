import type { Clock } from '../base/clock.ts';
import { errorMessage } from '../base/errors.ts';
import { createTokenBucket, type TokenBucket } from '../base/rates.ts';
import type { Logger } from '../telemetry/logger.ts';
import { BridgeDirectory } from './bridge-directory.ts';
import { type BridgeSettings, brokerOf, echoWindows, lanesOf, linkOptions } from './bridge-settings.ts';
import type { BridgeBoard, SlotStatus } from './bridge-status.ts';
import type { BrokerDialer } from './broker-dialer.ts';
import { DeadLetterFile } from './dead-letter-file.ts';
import { openBridgeBoard } from './directory-board.ts';
import type { Slot } from './division/slot.ts';
import { Gates } from './gates.ts';
import type { EchoWindow } from './link/echo-window.ts';
import { LinkRunner } from './link-runner.ts';
import { SlotDesk } from './slot-desk.ts';
import { Spool } from './spool.ts';

export interface BridgePorts {
  readonly dialer: BrokerDialer;
  readonly clock: Clock;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
}

/** One process of a bridge. */
export interface Bridge {
  /** Names it among the processes that share the directory. */
  readonly process: string;
  /** Those that it works at the moment. */
  readonly links: readonly LinkRunner[];
  readonly board: BridgeBoard;
  /** Of those slots, as they are now; the board has them half a second later. */
  statuses(): readonly SlotStatus[];
  /** Every source of the first turn's slots has answered, and what comes is carried. */
  readonly open: Promise<void>;
  stop(): Promise<void>;
}

const turnEveryMs = 500;
const segmentBytes = 8 * 1_048_576;
/** Long enough for many to share an fsync, short enough for a source's window not to run dry. */
const batchMs = 10;
const connectsPerSecond = 100;
/** Few connections, and a line behind each: their CONNECTs are bounded by the broker's rate, not by long waits. */
const reconnectBackoff = { baseMs: 250, maxMs: 5_000 };
/** Longer than a broker that is there takes to answer; what comes meanwhile is in the spool. */
const gateWaitMs = 30_000;

/** Takes this process's part of the rules. Rejects with CrossfadeError `bridge` where the directory cannot be used. */
export async function startBridge(settings: BridgeSettings, ports: BridgePorts): Promise<Bridge> {
  const { log, clock } = ports;
  const directory = new BridgeDirectory(settings.directory);
  const presence = directory.enter();
  const board = openBridgeBoard(settings.directory);
  const echoes = echoWindows(settings);
  const runners = new RunnerFactory({ settings, ports, directory, echoes, onSubscribed: () => gates.look() });
  const desk = new SlotDesk({
    ...{ rules: settings.rules, isUndivided: echoes.size > 0, directory, board, presence, clock, log },
    createRunner: (slot) => runners.create(slot),
    onChange: () => gates.look(),
  });
  const gates = new Gates(desk, { clock, log, waitMs: gateWaitMs });
  const turn = () => {
    try {
      desk.turn();
      gates.look();
    } catch (error) {
      log.error({ directory: settings.directory, error: errorMessage(error) }, 'The bridge cannot read its directory');
    }
  };
  turn();
  await desk.settled();
  gates.begin();
  const timer = setInterval(turn, turnEveryMs);
  return {
    process: presence.process,
    board,
    open: gates.open,
    get links() {
      return desk.runners;
    },
    statuses: () => desk.statuses(),
    async stop() {
      clearInterval(timer);
      await desk.end();
      presence.leave();
    },
  };
}

interface RunnerFactoryOptions {
  readonly settings: BridgeSettings;
  readonly ports: BridgePorts;
  readonly directory: BridgeDirectory;
  readonly echoes: ReadonlyMap<string, EchoWindow>;
  onSubscribed(): void;
}

/** Opens the files of a slot, and puts its link on the ways to its brokers. */
class RunnerFactory {
  readonly #options: RunnerFactoryOptions;
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(options: RunnerFactoryOptions) {
    this.#options = options;
  }

  async create(slot: Slot): Promise<LinkRunner> {
    const { settings, ports, directory, echoes, onSubscribed } = this.#options;
    const { log, dialer, clock } = ports;
    const link = linkOptions(slot, settings, echoes);
    const spool = await Spool.open({
      directory: directory.slotDirectory(slot),
      ...{ maxBytes: settings.spool.maxBytes, segmentBytes, batchMs, log },
    });
    const deadLetters = new DeadLetterFile({
      path: directory.deadLetterPath(slot),
      ...{ maxBytes: settings.deadLetters.maxBytes, batchMs, retryMs: 1_000, log },
    });
    return new LinkRunner({
      ...{ slot, link, spool, deadLetters, dialer, clock, log, onSubscribed },
      maxLanes: lanesOf(slot.rule.name, settings).most,
      backoff: reconnectBackoff,
      connects: (broker) => this.#bucketOf(broker),
      profile: (broker) => brokerOf(settings, broker).profile,
    });
  }

  #bucketOf(broker: string): TokenBucket {
    const known = this.#buckets.get(broker);
    if (known !== undefined) return known;
    const ratePerSecond = brokerOf(this.#options.settings, broker).connectsPerSecond ?? connectsPerSecond;
    const bucket = createTokenBucket({ ratePerSecond, startsFull: true });
    this.#buckets.set(broker, bucket);
    return bucket;
  }
}
