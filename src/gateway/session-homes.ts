import { encodeSubscriptions } from '../mqtt/remembered-subscriptions.ts';
import { brokerAt, type CohortTerms } from '../plan/cohort-terms.ts';
import { assessedClient, cohortOf } from './broker-question.ts';
import { type GatewayPorts, type GatewaySettings, handoverDefaults } from './gateway-ports.ts';
import type { LegConnection } from './leg-connection.ts';
import type { Relay } from './relay.ts';
import { createAssessor } from './session-assessor.ts';
import { outlivesConnection, placeOf } from './session-record.ts';
import type { SessionTable } from './session-table.ts';

interface WrittenHome {
  readonly broker: string;
  readonly persistent: boolean;
}

/** Makes known where a live session is and what its device holds there, so that it is found again after whatever happens. */
export class SessionHomes {
  readonly #ports: GatewayPorts;
  readonly #settings: GatewaySettings;
  readonly #sessions: SessionTable;
  readonly #changed = new Set<Relay>();
  /** Sessions whose broker has changed and that are not written down there: where they are, and whether they were persistent then. */
  readonly #unsettled = new Map<Relay, WrittenHome>();

  constructor(context: {
    readonly ports: GatewayPorts;
    readonly settings: GatewaySettings;
    readonly sessions: SessionTable;
  }) {
    this.#ports = context.ports;
    this.#settings = context.settings;
    this.#sessions = context.sessions;
  }

  /**
   * The session is on another connection. Of a persistent one it is not written down while its former broker is whole and
   * may have a queue for the device: whatever becomes of this gateway, the session is found there, queue and all, and what
   * the new broker has of it is purged.
   */
  handleAttached(relay: Relay, formerBroker: string): void {
    const { record } = relay;
    const { home } = record;
    if (home.broker !== formerBroker) {
      this.#sessions.moved(relay, formerBroker);
      this.#assess(relay);
    }
    const broker = this.#unsettled.get(relay)?.broker ?? formerBroker;
    this.#unsettled.set(relay, { broker, persistent: outlivesConnection(record) });
    this.settle(relay);
  }

  /** A connection is gone. A former broker that was whole and may have a queue still keeps the session. */
  handleUpstreamOver(relay: Relay, { isWhole, terms: { broker } }: LegConnection): void {
    const { record } = relay;
    const unsettled = this.#unsettled.get(relay);
    const isOwed = isWhole && broker !== record.home.broker && unsettled?.persistent === true;
    if (isOwed && unsettled.broker === broker && relay.isSteady) this.#keepQueue(relay, broker);
    this.settle(relay);
  }

  /** For the rollback window: what comes there meanwhile comes to the device again, and must not be weeks of it. */
  #keepQueue(relay: Relay, broker: string): void {
    const { record } = relay;
    record.queueAt = broker;
    const { rollbackWindowMs } = this.#settings.handover ?? handoverDefaults;
    const timer = setTimeout(() => {
      if (record.queueAt === broker) record.queueAt = undefined;
      this.settle(relay);
    }, rollbackWindowMs);
    timer.unref();
  }

  handleDeviceGone(relay: Relay): void {
    this.settle(relay);
    this.#unsettled.delete(relay);
  }

  /** Writes down where the session is, unless it is whole at a former broker still. */
  settle(relay: Relay): void {
    const { record, legs } = relay;
    const { home } = record;
    const unsettled = this.#unsettled.get(relay);
    if (unsettled === undefined || record.queueAt !== undefined) return;
    const { persistent } = unsettled;
    if (persistent && relay.isOpen && legs.others.some(({ isWhole, terms }) => isWhole && terms.broker !== home.broker))
      return;
    this.#unsettled.delete(relay);
    this.#announce(relay, { broker: home.broker, persistent });
  }

  /** Another plan has its device in another cohort, or in none. */
  handleOtherCohort(relay: Relay): void {
    relay.machine.renewTopics();
    const persistent = outlivesConnection(relay.record);
    if (persistent) this.#announce(relay, { broker: this.#writtenBroker(relay), persistent });
  }

  /** By cohort: live persistent sessions whose home, as it is written down, is elsewhere than these terms want it. */
  misplacedPersistent(cohorts: readonly CohortTerms[]): Readonly<Record<string, number>> {
    const termsByName = new Map(cohorts.map((terms) => [terms.name, terms]));
    const counts: Record<string, number> = {};
    for (const relay of this.#sessions.relays()) {
      const { cohort, position } = placeOf(relay.record);
      const terms = termsByName.get(cohort);
      if (terms === undefined || !outlivesConnection(relay.record)) continue;
      if (brokerAt(position, terms) !== this.#writtenBroker(relay)) counts[cohort] = (counts[cohort] ?? 0) + 1;
    }
    return counts;
  }

  #writtenBroker(relay: Relay): string {
    return this.#unsettled.get(relay)?.broker ?? relay.record.home.broker;
  }

  #announce({ record }: Relay, home: WrittenHome): void {
    const { clientId, connection, epoch, isClaimed } = record;
    if (isClaimed && clientId !== '') {
      this.#ports.registry.attached({ clientId, connection, epoch, ...home, place: placeOf(record) });
    }
  }

  /** The device is judged for its cohort's target as long as it is on the source. */
  #assess({ record, machine, findings, origin }: Relay): void {
    const { assessments } = this.#ports;
    const cohort = cohortOf(this.#ports.snapshot(), record.assignment);
    const client = assessedClient(record.clientId, cohort);
    if (assessments === undefined) return;
    if (client !== undefined) assessments.observed({ ...client, broker: record.home.broker });
    const isOnSource = client !== undefined && cohort?.source === record.home.broker;
    const of = { connect: origin.connect, target: client?.target ?? '', settings: this.#settings };
    machine.setAssessor(isOnSource ? createAssessor(findings, of) : undefined);
  }

  /** Written down once per turn of the event loop, however many SUBSCRIBEs came in it. */
  handleSubscriptionsChanged(relay: Relay): void {
    // Its former broker does not hold what it holds any more.
    relay.record.queueAt = undefined;
    this.settle(relay);
    if (this.#changed.size === 0) setImmediate(() => this.#remember());
    this.#changed.add(relay);
  }

  #remember(): void {
    const relays = [...this.#changed];
    this.#changed.clear();
    for (const { record, machine, goneAtMs } of relays) {
      // What is left of a device that is gone has been handed over with its end.
      const subscriptions = goneAtMs === undefined && record.isClaimed ? machine.subscriptions.toKeep() : undefined;
      if (subscriptions === undefined) continue;
      this.#ports.registry.remember(record.clientId, record.epoch, encodeSubscriptions(subscriptions));
    }
  }
}
