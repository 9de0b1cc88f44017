import type { RoutingSnapshot } from '../plan/snapshot.ts';
import type { HandoverProblem } from './handover-tally.ts';
import type { HandoverQuestion } from './live-session.ts';
import type { Relay } from './relay.ts';

/** A worker's answer to a question of a move while it is put together. */
export interface HandoverReckoning {
  readonly question: HandoverQuestion;
  readonly snapshot: RoutingSnapshot;
  readonly waiting: { readonly relay: Relay; readonly broker: string }[];
  readonly counted: CountedSessions;
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
    ...{ unknownSubscriptions: 0, asleep: 0 },
  };
  return { question, snapshot, waiting: [], counted };
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
