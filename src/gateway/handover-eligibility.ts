import { brokerAt } from '../plan/cohort-terms.ts';
import type { Cohort } from '../plan/plan.ts';
import { positionCount } from '../plan/position.ts';
import type { RoutingSnapshot } from '../plan/snapshot.ts';
import { brokerTerms, cohortOf } from './broker-question.ts';
import type { GatewaySettings } from './gateway-ports.ts';
import type { HandoverQuestion } from './live-session.ts';
import type { Relay } from './relay.ts';
import type { SessionHandover } from './session-handover.ts';
import { outlivesConnection } from './session-record.ts';

/** Why a session cannot change its broker live; `pending`: until the gateway knows, or hears, more of its device. */
export interface StayReason {
  readonly reason: string;
  readonly pending: 'unknownSubscriptions' | 'asleep' | undefined;
}

/** Where the question wants a session: as the plan says, or with `prepare` as it will say. */
export function wantedBroker({ record }: Relay, { prepare }: HandoverQuestion, snapshot: RoutingSnapshot): string {
  const { assignment } = record;
  if (prepare === undefined || assignment.cohort !== prepare.cohort) return assignment.broker;
  const cohort = cohortOf(snapshot, assignment);
  if (cohort === undefined) return assignment.broker;
  return brokerAt(assignment.position ?? positionCount, { ...cohort, weightBps: prepare.weightBps });
}

/** A leg that stands by for the way back is kept for its time, whatever the plan says. */
export function isStillWanted(
  { stage, broker, isRescue }: Pick<SessionHandover, 'stage' | 'broker' | 'isRescue'>,
  wanted: string,
  isHome: boolean,
): boolean {
  if (stage.name === 'draining' || stage.name === 'awaiting' || isRescue) return true;
  if (stage.name === 'standing' && stage.isFormer) return isHome || broker === wanted;
  return !isHome && broker === wanted;
}

/** Whether the session could live on `broker`, as far as that is known without asking it; undefined: it could. */
export function stayReason(
  { record, machine }: Relay,
  broker: string,
  { settings, cohort }: { readonly settings: GatewaySettings; readonly cohort: Cohort | undefined },
): StayReason | undefined {
  if (record.clientId === '') return stays('the device sent no client ID');
  if (record.heldBack !== undefined && cohort?.target === broker) return cannot(record.heldBack);
  if (outlivesConnection(record) && !machine.subscriptions.isKnown) {
    const reason = 'persistent session: what it is subscribed to is not known';
    return { reason, pending: 'unknownSubscriptions' };
  }
  if (record.queueAt === broker) {
    const reason = `${broker} was lost with messages for it: they are fetched first`;
    return { reason, pending: 'asleep' };
  }
  const obstacle = machine.subscriptions.obstacleAt(brokerTerms(settings, broker).profile);
  return obstacle === undefined ? undefined : cannot(obstacle);
}

function cannot(obstacle: string): StayReason {
  return stays(`the target cannot carry it: ${obstacle}`);
}

function stays(reason: string): StayReason {
  return { reason, pending: undefined };
}
