import { systemClock } from '../base/clock.ts';
import type { Configuration } from '../config/configuration.ts';
import type { PlanStore } from '../plan/store/plan-store.ts';
import type { HomeStore } from '../session/home-store.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { RuleWatch } from './rule-watch.ts';
import { CutoverFreeze } from './cutover-freeze.ts';
import type { EventHub } from './event-hub.ts';
import { FirstContactMover } from './first-contact-mover.ts';
import { handoverPace } from './handover-pace.ts';
import type { Interlock } from './interlock.ts';
import type { CohortPlacement } from './move-request.ts';
import { MoveRunner } from './move-runner.ts';
import { MoveVerbs, placementsOf } from './move-verbs.ts';
import { OfflineSessions } from './offline-sessions.ts';
import type { PlanAuthority } from './plan-authority.ts';
import { openJournal } from './session-files.ts';
import { StrayMover } from './stray-mover.ts';
import type { WorkerHub } from './worker-hub.ts';
import { SwitchHold } from './switch-hold.ts';
import { WorkerMoves } from './worker-moves.ts';

export interface MoverDeps {
  readonly configuration: Configuration;
  readonly authority: PlanAuthority;
  readonly store: PlanStore;
  readonly hub: WorkerHub;
  readonly homes: Pick<HomeStore, 'countMisplaced'>;
  readonly bridge: Pick<RuleWatch, 'behind'>;
  readonly interlock: Pick<Interlock, 'judge'>;
  readonly events: EventHub;
  readonly log: Logger;
}

/** All that moves live sessions, put together. */
export interface Mover {
  readonly verbs: MoveVerbs;
  readonly moves: MoveRunner;
  readonly freeze: CutoverFreeze;
  /** Goes on with what an earlier control process had begun. */
  resume(): void;
  close(): void;
}

export function createMover({ configuration, authority, store, hub, homes, bridge, ...deps }: MoverDeps): Mover {
  const { interlock, events, log } = deps;
  const clock = systemClock;
  const journal = openJournal(configuration, log);
  const freeze = new CutoverFreeze({
    ...{ clock, journal, log },
    onEnded: () => {
      moves.freezeChanged();
      events.emit({ type: 'freeze', data: null });
    },
  });
  const workers = new WorkerMoves(hub);
  const offline = new OfflineSessions({ homes, workers });
  const offlineOf = (placements: readonly CohortPlacement[]) => offline.of(placements);
  const strays = new StrayMover({
    ...{ workers, journal, log },
    placementOf: (cohort) => placementsOf(authority.current.plan, [cohort])[0],
    prepared: () => moves.prepared(),
    noteUpkeep: (move, replies) => moves.noteUpkeep(move, replies),
    mustWait: (cohort, { kind }) =>
      moves.moveOf(cohort) !== undefined || (kind === 'cutover' && freeze.current !== undefined),
  });
  const { bridgeWaitMs: waitMs } = configuration.handover;
  const switches = new SwitchHold({ clock, waitMs, behind: (pair) => bridge.behind(pair) });
  const moves = new MoveRunner({
    ...{ clock, workers, freeze, switches, strays, journal, log },
    offlineOf,
    onChange: (data) => events.emit({ type: 'move', data }),
    refusedListed: configuration.limits.moveRefusedListed,
    abortPercent: configuration.handover.abortPercent,
    returnMs: configuration.limits.moveReturnMs,
  });
  const firstContacts = new FirstContactMover({
    ...{ workers, log },
    unregistered: () => hub.workers().flatMap(({ figures }) => figures?.counts.unregistered ?? []),
    mustWait: (cohort) =>
      strays.isFollowing(cohort) ||
      moves.moveOf(cohort) !== undefined ||
      freeze.current !== undefined ||
      moves.prepared().some(({ request }) => request.cohorts.includes(cohort)),
    paceOf: (broker) => handoverPace(configuration, [broker]),
  });
  const verbs = new MoveVerbs({
    ...{ configuration, authority, store, hub, workers, moves, freeze, interlock, offlineOf },
    onFreeze: (data) => events.emit({ type: 'freeze', data }),
  });
  return {
    verbs,
    moves,
    freeze,
    resume: () => {
      moves.resumeUnfinished();
      strays.start();
      firstContacts.start();
    },
    close: () => {
      freeze.close();
      strays.close();
      firstContacts.close();
      moves.close();
    },
  };
}
