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

  constructor(context: {
    readonly ports: GatewayPorts;
    readonly settings: GatewaySettings;
    readonly sessions: SessionTable;
  }) {
    this.#ports = context.ports;
    this.#settings = context.settings;
    this.#sessions = context.sessions;
  }

  /** Said at the switch, before a former broker is unsubscribed: until then the session is whole on either one. */
  handleAttached(relay: Relay, formerBroker: string): void {
    const { record } = relay;
    const { clientId, connection, epoch, home, isClaimed } = record;
    if (home.broker !== formerBroker) {
      this.#sessions.moved(relay, formerBroker);
      this.#assess(relay);
    }
    if (!isClaimed || clientId === '') return;
    const session = { clientId, connection, epoch, broker: home.broker, persistent: outlivesConnection(record) };
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
