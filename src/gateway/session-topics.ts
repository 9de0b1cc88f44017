import type { ConnectPacket } from '../mqtt/connect-packet.ts';
import { TopicObserver } from '../mqtt/topic-observer.ts';
import type { GatewayPorts } from './gateway-ports.ts';
import type { SessionRecord } from './session-record.ts';

/** Tells which topics a session's device uses, for the cohort that it is in then; undefined: nobody wants to know. */
export function observeTopics(
  record: SessionRecord,
  { will }: ConnectPacket,
  { topics, clock }: Pick<GatewayPorts, 'topics' | 'clock'>,
): TopicObserver | undefined {
  if (topics === undefined) return undefined;
  const { clientId, identity } = record;
  const names = [clientId, identity.certificate?.commonName ?? ''].filter((name) => name !== '');
  const observer = new TopicObserver(
    {
      names,
      report: (use, pattern, isWidened) => {
        const { cohort } = record.assignment;
        if (cohort !== undefined) topics.used({ clientId, cohort, use, pattern, isWidened });
      },
    },
    clock.monotonicMs(),
  );
  if (will !== undefined) observer.noteWill(will.topic);
  return observer;
}
