import { systemClock } from '../base/clock.ts';
import { readServiceStates } from '../bridge/service-ledger-file.ts';
import { toTopicRule } from '../config/bridge-configuration.ts';
import type { Configuration } from '../config/configuration.ts';
import type { HomeStore } from '../session/home-store.ts';
import type { Logger } from '../telemetry/logger.ts';
import { openBoard } from './bridge-operator.ts';
import { RuleWatch } from './rule-watch.ts';
import { assessmentBounds } from './broker-rates.ts';
import { Interlock } from './interlock.ts';
import { isInterlocked } from './interlock-terms.ts';
import type { PlanAuthority } from './plan-authority.ts';
import { serviceTerms } from './service-terms.ts';
import { openTopics } from './session-files.ts';
import { TopicLedger } from './topic-ledger.ts';
import type { WorkerHub } from './worker-hub.ts';

export interface ControlInterlockDeps {
  readonly configuration: Configuration;
  readonly homes: Pick<HomeStore, 'subscribed'>;
  readonly authority: Pick<PlanAuthority, 'snapshot'>;
  readonly hub: Pick<WorkerHub, 'publishOverlaps'>;
  readonly log: Logger;
}

/** All that knows of other ends, put together. */
export interface ControlInterlock {
  readonly interlock: Interlock;
  readonly bridge: RuleWatch;
  /** Absent: nothing is observed. */
  readonly topics: TopicLedger | undefined;
  close(): void;
}

export function createControlInterlock(deps: ControlInterlockDeps): ControlInterlock {
  const { configuration, homes, authority, hub, log } = deps;
  const bridge = new RuleWatch({
    ...{ board: openBoard(configuration.bridge), log },
    rules: configuration.bridge.rules.map(toTopicRule),
    isElsewhere: configuration.bridge.runs === 'alone',
    publish: (overlaps) => hub.publishOverlaps(overlaps),
  });
  const topics = isInterlocked(configuration)
    ? new TopicLedger({
        ...{ store: openTopics(configuration, log), homes, clock: systemClock, log },
        cohortOf: (clientId) => authority.snapshot.assign({ clientId }).cohort,
        rememberedMs: assessmentBounds(configuration.limits).obstacleMs,
      })
    : undefined;
  const services = serviceTerms(configuration);
  const interlock = new Interlock({
    bridge,
    ...(topics !== undefined && { topics }),
    services: () => readServiceStates(configuration.bridge.directory, services),
  });
  const close = () => {
    bridge.close();
    topics?.close();
  };
  return { interlock, bridge, topics, close };
}
