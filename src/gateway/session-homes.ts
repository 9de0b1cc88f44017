import { encodeSubscriptions } from '../mqtt/remembered-subscriptions.ts';
import { assessedClient, cohortOf } from './broker-question.ts';
import type { GatewayPorts, GatewaySettings } from './gateway-ports.ts';
import type { Relay } from './relay.ts';
import { createAssessor } from './session-assessor.ts';
import { outlivesConnection } from './session-record.ts';
import type { SessionTable } from './session-table.ts';

/** Makes known where a live session is and what its device holds there, so that it is found again after whatever happens. */
export class SessionHomes {
  readonly #ports: GatewayPorts;
  readonly #settings: GatewaySettings;
  readonly #sessions: SessionTable;
  readonly #changed = new Set<Relay>();
  /** Sessions whose broker has changed and that are not written down there; whether they were persistent then. */
  readonly #unsettled = new Map<Relay, boolean>();

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
    this.#unsettled.set(relay, outlivesConnection(record));
    this.settle(relay);
  }

  /** Writes down where the session is, unless it is whole at a former broker still. */
  settle(relay: Relay): void {
    const { record, legs } = relay;
    const { clientId, connection, epoch, home, isClaimed } = record;
    const persistent = this.#unsettled.get(relay);
    if (persistent === undefined) return;
    if (persistent && relay.isOpen && legs.others.some(({ isWhole, terms }) => isWhole && terms.broker !== home.broker))
      return;
    this.#unsettled.delete(relay);
    if (!isClaimed || clientId === '') return;
    const session = { clientId, connection, epoch, broker: home.broker, persistent };
    this.#ports.registry.attached(session);
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
    this.settle(relay);
    if (this.#changed.size === 0) setImmediate(() => this.#remember());
    this.#changed.add(relay);
  }

  #remember(): void {
    const relays = [...this.#changed];
    this.#changed.clear();
    for (const { record, machine, goneAtMs } of relays) {
      // What is left of a device that is gone has been handed over with its end.
      const subscriptions = goneAtMs === undefined && record.isClaimed ? machine.subscriptionsToKeep() : undefined;
      if (subscriptions === undefined) continue;
      this.#ports.registry.remember(record.clientId, record.epoch, encodeSubscriptions(subscriptions));
    }
  }
}
