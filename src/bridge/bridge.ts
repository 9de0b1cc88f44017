import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { CrossfadeError, errorMessage } from '../base/errors.ts';
import { createTokenBucket, type TokenBucket } from '../base/rates.ts';
import { lockStore, type StoreLock } from '../plan/store/store-lock.ts';
import type { Logger } from '../telemetry/logger.ts';
import { type BridgeSettings, brokerOf, echoWindows, linkOptions } from './bridge-settings.ts';
import type { BrokerDialer } from './broker-dialer.ts';
import { DeadLetterFile } from './dead-letter-file.ts';
import { LinkRunner } from './link-runner.ts';
import { Spool } from './spool.ts';

export interface BridgePorts {
  readonly dialer: BrokerDialer;
  readonly clock: Clock;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
}

/** All links of one process. */
export interface Bridge {
  readonly links: readonly LinkRunner[];
  /** Every source has answered, and what comes is carried. */
  readonly open: Promise<void>;
  stop(): Promise<void>;
}

const segmentBytes = 8 * 1_048_576;
/** Long enough for many to share an fsync, short enough for a source's window not to run dry. */
const batchMs = 10;
const connectsPerSecond = 100;

/** Starts every rule. Rejects with CrossfadeError `bridge` where another bridge has the directory, or it cannot be used. */
export async function startBridge(settings: BridgeSettings, ports: BridgePorts): Promise<Bridge> {
  const lock = lockDirectory(settings.directory);
  const { log, dialer, clock } = ports;
  const deadLetters = new DeadLetterFile({
    path: join(settings.directory, 'dead-letters.ndjson'),
    ...{ maxBytes: settings.deadLetters.maxBytes, batchMs, retryMs: 1_000, log },
  });
  const echoes = echoWindows(settings);
  const buckets = new Map<string, TokenBucket>();
  const links: LinkRunner[] = [];
  const gates = new Gates(links);
  try {
    for (const rule of settings.rules) {
      const directory = join(settings.directory, `rule-${encodeURIComponent(rule.name)}`);
      const spool = await Spool.open({ directory, maxBytes: settings.spool.maxBytes, segmentBytes, batchMs, log });
      links.push(
        new LinkRunner({
          link: linkOptions(rule, settings, echoes),
          maxLanes: rule.lanes.most,
          backoff: { baseMs: 250, maxMs: 30_000 },
          connects: (name) => bucketOf(name, settings, buckets),
          profile: (name) => brokerOf(settings, name).profile,
          onSubscribed: () => gates.look(),
          ...{ spool, deadLetters, dialer, clock, log },
        }),
      );
    }
  } catch (error) {
    lock.release();
    throw new CrossfadeError(
      'bridge',
      `cannot use the bridge's directory ${settings.directory}: ${errorMessage(error)}`,
    );
  }
  for (const link of links) link.start();
  gates.look();
  return {
    links,
    open: gates.open,
    async stop() {
      await Promise.all(links.map((link) => link.stop()));
      await deadLetters.close();
      lock.release();
    },
  };
}

/**
 * Nothing is published at a broker before the bridge's own subscriptions there were answered: else the reply to what
 * is carried could come before anybody listens for it.
 */
class Gates {
  readonly open: Promise<void>;
  readonly #links: readonly LinkRunner[];
  readonly #opened = new Set<LinkRunner>();
  readonly #whenOpen: () => void;

  constructor(links: readonly LinkRunner[]) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.open = promise;
    this.#whenOpen = resolve;
    this.#links = links;
  }

  look(): void {
    for (const link of this.#links) {
      const isHeard = this.#links.every((other) => other.source !== link.target || other.isSubscribed);
      if (!isHeard || this.#opened.has(link)) continue;
      this.#opened.add(link);
      link.openGate();
    }
    if (this.#links.every((link) => link.isSubscribed)) this.#whenOpen();
  }
}

function bucketOf(name: string, settings: BridgeSettings, buckets: Map<string, TokenBucket>): TokenBucket {
  const known = buckets.get(name);
  if (known !== undefined) return known;
  const ratePerSecond = brokerOf(settings, name).connectsPerSecond ?? connectsPerSecond;
  const bucket = createTokenBucket({ ratePerSecond, startsFull: true });
  buckets.set(name, bucket);
  return bucket;
}

/** Two bridges in one directory would write over each other's spools. */
function lockDirectory(directory: string): StoreLock {
  const lock = lockStore(join(directory, 'bridge'));
  if (lock.ok) return lock.value;
  throw new CrossfadeError(
    'bridge',
    `the bridge's directory ${directory} is in use or cannot be locked: ${lock.error}`,
  );
}
