import { setTimeout as delay } from 'node:timers/promises';
import { backoffDelayMs } from '../base/backoff.ts';
import { systemClock } from '../base/clock.ts';
import { errorMessage } from '../base/errors.ts';
import { type Bridge, startBridge } from '../bridge/bridge.ts';
import type { Configuration } from '../config/configuration.ts';
import { createLogger, type Logger } from '../telemetry/logger.ts';
import { bridgeDialer, bridgeSettings, type ReloadableDialer } from './bridge-terms.ts';
import type { ProcessHandle } from './process-handle.ts';
import type { BridgeNews, ChildMessage, SupervisorMessage } from './process-messages.ts';

type StartMessage = Extract<SupervisorMessage, { kind: 'start' }>;

/** Starts the gateway's own process of the bridge. It is ready at once: a directory that cannot be used is tried again. */
export async function runBridgeProcess({ configuration, materials }: StartMessage): Promise<ProcessHandle> {
  const log = createLogger({ level: configuration.log.level, component: 'bridge' });
  const dialer = bridgeDialer(configuration, materials, log);
  const bridge = new KeptBridge({ configuration, dialer, log, tell });
  return {
    bound: {},
    reload: async (renewed) => {
      try {
        dialer.reload(renewed);
      } catch (error) {
        log.error({ error: errorMessage(error) }, 'The certificates of the bridge were not swapped');
      }
    },
    drain: () => bridge.stop(),
    stop: async () => {
      await bridge.stop();
      dialer.close();
    },
  };
}

function tell(news: BridgeNews): void {
  process.send?.({ kind: 'bridge', news } satisfies ChildMessage);
}

interface KeptBridgeParts {
  readonly configuration: Configuration;
  readonly dialer: ReloadableDialer;
  readonly log: Logger;
  readonly tell: (news: BridgeNews) => void;
}

const retryDelay = { baseMs: 1_000, maxMs: 30_000 };

/** A bridge that is started again and again until it can. */
class KeptBridge {
  readonly #parts: KeptBridgeParts;
  readonly #ending = new AbortController();
  readonly #begun: Promise<Bridge | undefined>;
  #stopped: Promise<void> | undefined;

  constructor(parts: KeptBridgeParts) {
    this.#parts = parts;
    this.#begun = this.#begin();
  }

  /** What is on its way is finished. Idempotent. */
  stop(): Promise<void> {
    this.#ending.abort();
    this.#stopped ??= this.#begun.then((bridge) => bridge?.stop());
    return this.#stopped;
  }

  async #begin(): Promise<Bridge | undefined> {
    const { configuration, dialer, log, tell: say } = this.#parts;
    const { signal } = this.#ending;
    let known = '';
    for (let attempt = 1; !signal.aborted; attempt += 1) {
      try {
        const bridge = await startBridge(bridgeSettings(configuration), { dialer, clock: systemClock, log });
        say({ process: bridge.process });
        void bridge.open.then(() => log.info({}, 'Every source has answered: the bridge is open'));
        return bridge;
      } catch (error) {
        const problem = errorMessage(error);
        say({ problem });
        if (problem !== known)
          log.error({ problem }, 'The bridge cannot start; devices are served, and it is tried again');
        known = problem;
      }
      await delay(backoffDelayMs(attempt, Math.random(), retryDelay), undefined, { signal }).catch(() => {});
    }
    return undefined;
  }
}
