import type { RoutingSnapshot } from '../plan/snapshot.ts';
import type { ContactWait } from './first-contacts.ts';
import type { HandoverProblem } from './handover-tally.ts';
import type { HandoverQuestion } from './live-session.ts';
import type { Relay } from './relay.ts';

/** A worker's answer to a question of a move while it is put together. */
export interface HandoverReckoning {
  readonly question: HandoverQuestion;
  readonly snapshot: RoutingSnapshot;
  readonly waiting: { readonly relay: Relay; readonly broker: string }[];
  /** Sessions that may be tried at a broker that may not know them. */
  readonly due: DueContact[];
  readonly counted: CountedSessions;
}

/** A session whose broker does not know it yet, and that may be tried there now. */
export interface DueContact {
  readonly relay: Relay;
  readonly broker: string;
  readonly rank: ContactWait['rank'];
}

/** What a reply says of the sessions themselves. */
export interface CountedSessions {
  readonly staying: HandoverProblem[];
  readonly pending: HandoverProblem[];
  readonly destinations: Record<string, number>;
  readonly filters: Record<string, number>;
  readonly connects: Record<string, number>;
  sessions: number;
  begun: number;
  begunConnects: number;
  prepared: number;
  underWay: number;
  remaining: number;
  unknownSubscriptions: number;
  asleep: number;
  unregistered: number;
}

export function startReckoning(question: HandoverQuestion, snapshot: RoutingSnapshot): HandoverReckoning {
  const counted: CountedSessions = {
    ...{
      staying: [],
      pending: [],
      destinations: {},
      filters: {},
      connects: {},
      sessions: 0,
      begun: 0,
      begunConnects: 0,
      prepared: 0,
      underWay: 0,
      remaining: 0,
    },
    ...{ unknownSubscriptions: 0, asleep: 0, unregistered: 0 },
  };
  return { question, snapshot, waiting: [], due: [], counted };
}

/** A session that does not move now; `pending`: until something is known of it, else for good as far as can be told. */
export function noteStaying(
  counted: CountedSessions,
  problem: HandoverProblem,
  pending: 'unknownSubscriptions' | 'asleep' | 'unregistered' | undefined,
): void {
  if (pending === undefined) counted.staying.push(problem);
  else {
    counted.pending.push(problem);
    counted[pending] += 1;
  }
}

/** What one more session would cost its broker. */
export function notePrice(
  { filters, connects }: CountedSessions,
  broker: string,
  price: { readonly filters: number; readonly connects: number },
): void {
  filters[broker] = (filters[broker] ?? 0) + price.filters;
  connects[broker] = (connects[broker] ?? 0) + price.connects;
}
