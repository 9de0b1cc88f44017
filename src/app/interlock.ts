import type { CohortInterlock, InterlockDocument } from '../admin/interlock-document.ts';
import { errorMessage } from '../base/errors.ts';
import type { ServiceState } from '../bridge/services/service-state.ts';
import type { Cohort } from '../plan/plan.ts';
import type { RuleWatch } from './rule-watch.ts';
import { lostTopics, type OtherEnds, ruleWarnings } from './interlock-findings.ts';
import type { TopicLedger } from './topic-ledger.ts';

export interface InterlockDeps {
  /** Absent: not armed, because the configuration has no rules and no services. */
  readonly topics?: Pick<TopicLedger, 'of' | 'hasScanned'>;
  readonly bridge: Pick<RuleWatch, 'conditions' | 'overlapMs' | 'behind'>;
  /** May throw. */
  readonly services: () => readonly ServiceState[];
}

type CohortOfPlan = Pick<Cohort, 'name' | 'source' | 'target'>;

/** Topics of one cohort that an answer lists. */
const listed = 50;

/** Says what a cohort's devices would lose at its target. */
export class Interlock {
  readonly #deps: InterlockDeps;

  constructor(deps: InterlockDeps) {
    this.#deps = deps;
  }

  document(cohorts: readonly CohortOfPlan[]): InterlockDocument {
    const judged = cohorts.map((cohort) => this.judge(cohort)).filter((cohort) => cohort !== undefined);
    return { armed: this.#deps.topics !== undefined, cohorts: judged };
  }

  /** Undefined: nothing is asked, because it is not armed or the cohort goes nowhere. Costs as much for a million devices. */
  judge({ name, source, target }: CohortOfPlan): CohortInterlock | undefined {
    const { topics, bridge } = this.#deps;
    if (topics === undefined || source === target) return undefined;
    const pair = { source, target };
    const { services, warnings } = this.#services();
    const ends: OtherEnds = { pair, conditions: bridge.conditions, services };
    const lost = lostTopics(topics.of(name), ends);
    const waits = topics.hasScanned ? [] : ['sessions whose devices are away are still being read'];
    return {
      ...{ cohort: name, source, target },
      lost: lost.slice(0, listed),
      lostTotal: lost.length,
      warnings: [...ruleWarnings(ends), ...warnings, ...waits],
      bridgeOverlapMs: bridge.overlapMs(pair),
      behind: bridge.behind(pair),
    };
  }

  #services(): { readonly services: readonly ServiceState[]; readonly warnings: readonly string[] } {
    try {
      return { services: this.#deps.services(), warnings: [] };
    } catch (error) {
      const warning = `services are taken to stand at their sources: ${errorMessage(error)}`;
      return { services: [], warnings: [warning] };
    }
  }
}

/** In one line: what an answer says that refuses. */
export function describeLost({ cohort, target, lost, lostTotal }: CohortInterlock): string {
  const [first] = lost;
  const others = lostTotal > 1 ? ` and ${lostTotal - 1} more` : '';
  const verb = first?.use === 'subscribe' ? 'is subscribed to' : 'is published';
  const named = first === undefined ? '' : `: ${first.topic} (${verb} by ${devicesOf(first.devices)})${others}`;
  return `devices of cohort ${cohort} use topics that would have no other end on ${target}${named}`;
}

function devicesOf(devices: number): string {
  return devices === 1 ? '1 device' : `${devices} devices`;
}

/** What the history keeps of who went on all the same. */
export function unbridgedReason(reason: string, { lost, lostTotal }: CohortInterlock, author: string): string {
  const topics = lost.slice(0, 3).map(({ topic }) => topic);
  const more = lostTotal > topics.length ? ` and ${lostTotal - topics.length} more` : '';
  const note = `unbridged-ok by ${author}: ${topics.join(', ')}${more}`;
  return reason === '' ? note : `${reason} (${note})`;
}
