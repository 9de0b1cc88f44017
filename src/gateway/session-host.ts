import type { Clock } from '../base/clock.ts';
import type { AdaptationKind } from '../mqtt/adaptation-kind.ts';
import { encodeSubscriptions } from '../mqtt/remembered-subscriptions.ts';
import type { DropReason, SessionFault } from '../mqtt/session-port.ts';
import { forEverSeconds } from '../mqtt/session-request.ts';
import { SessionScratch } from '../mqtt/session-scratch.ts';
import type { FilterTokens } from '../session/filter-tokens.ts';
import type { SessionRemains } from '../session/session-registry.ts';
import type { GatewayPorts } from './gateway-ports.ts';
import type { HandoverDesk } from './handover-desk.ts';
import type { LegConnection } from './leg-connection.ts';
import type { LostLegs } from './lost-legs.ts';
import type { OccasionalLog } from './occasional-log.ts';
import { PendingCounts } from './pending-counts.ts';
import type { Relay } from './relay.ts';
import type { LegWatch, RelayHost } from './relay-host.ts';
import type { SessionDeadlines } from './session-deadlines.ts';
import type { SessionEnds } from './session-ends.ts';
import type { SessionHomes } from './session-homes.ts';
import { outlivesConnection } from './session-record.ts';
import type { SessionRepairs } from './session-repair.ts';
import type { SessionTable } from './session-table.ts';

interface SessionHostOptions {
  readonly ports: GatewayPorts;
  readonly log: OccasionalLog;
  readonly sessions: SessionTable;
  readonly deadlines: SessionDeadlines;
  readonly lostLegs: LostLegs;
  readonly sessionEnds: SessionEnds;
  readonly homes: SessionHomes;
  readonly repairs: SessionRepairs;
  readonly desk: HandoverDesk;
}

/** Takes what the relays of a worker tell to whoever looks after it. */
export class SessionHost implements RelayHost<Relay> {
  readonly bytes = { fromDevice: 0, fromBroker: 0 };
  readonly adaptations = new PendingCounts<AdaptationKind>();
  readonly drops = new PendingCounts<DropReason>();
  readonly scratch = new SessionScratch();
  readonly clock: Clock;
  readonly filters: FilterTokens | undefined;
  readonly deadlines: SessionDeadlines;
  readonly legs: LegWatch<Relay>;
  readonly #options: SessionHostOptions;

  constructor(options: SessionHostOptions) {
    this.#options = options;
    this.clock = options.ports.clock;
    this.filters = options.ports.filters;
    this.deadlines = options.deadlines;
    this.legs = createLegWatch(options);
  }

  handleFault({ record }: Relay, { side, reason, message }: SessionFault): void {
    const { ports, log } = this.#options;
    const { clientId, listener, home } = record;
    const { broker } = home;
    ports.log.debug({ clientId, listener, broker, side, reason, problem: message }, 'session failed');
    if (side === 'broker') log.warn(`fault ${broker}`, { broker, problem: message }, 'a broker failed a session');
  }

  handleDeviceGone(relay: Relay): void {
    const { sessions, repairs, desk, homes } = this.#options;
    homes.handleDeviceGone(relay);
    sessions.remove(relay);
    repairs.forget(relay);
    desk.handleDeviceGone(relay);
  }

  handleDelayedLoss({ record, machine }: Relay, { socket, terms }: LegConnection, delayMs: number): void {
    const { mayTellBroker: mayBeTold } = machine;
    const { keepAliveSeconds } = terms;
    this.#options.lostLegs.keep(record.connection, { socket, mayBeTold, keepAliveSeconds, delayMs });
  }

  handleLegOver(relay: Relay, sessionOver: boolean): void {
    const { connection, clientId, home } = relay.record;
    const { broker, sessionEnd } = home;
    if (!sessionOver || sessionEnd === undefined) this.#giveBack(relay, sessionOver);
    else {
      const handleOver = (isEnded: boolean) => this.#giveBack(relay, isEnded);
      this.#options.sessionEnds.begin({ connection, clientId, broker, sessionEnd, handleOver });
    }
  }

  #giveBack(relay: Relay, sessionOver: boolean): void {
    const { sessions, ports } = this.#options;
    const { clientId, epoch, isClaimed } = relay.record;
    sessions.forget(relay);
    if (isClaimed) ports.registry.ended(clientId, epoch, sessionOver, sessionOver ? undefined : remainsOf(relay));
  }
}

function createLegWatch({ ports, log, homes, repairs, desk }: SessionHostOptions): LegWatch<Relay> {
  return {
    handleDetached: (relay) => {
      const { broker } = relay.record.home;
      log.warn(`detached ${broker}`, { broker }, 'sessions lost their broker');
      desk.handleDetached(relay);
      repairs.begin(relay, (broker) => desk.cutTo(relay, broker));
    },
    handleSwitched: (relay, leg, formerBroker) => {
      homes.handleAttached(relay, formerBroker);
      desk.handleSwitched(relay, leg);
    },
    handleUpstreamOver: (relay, leg) => {
      homes.handleUpstreamOver(relay, leg);
      desk.handleUpstreamOver(relay, leg);
    },
    handleCutAborted: (relay, reason) => desk.handleCutAborted(relay, reason),
    handleLeaving: (relay) => homes.settle(relay),
    handleDrained: (relay) => desk.handleDrained(relay),
    handleDeliveredTwice: (count) => ports.metrics.handoverDuplicates.inc(count),
    handleSubscriptionsChanged: (relay) => homes.handleSubscriptionsChanged(relay),
  };
}

/** What the gateway itself holds of a session that goes on without a connection. */
function remainsOf(relay: Relay): SessionRemains | undefined {
  const { record, goneAtMs } = relay;
  const { sessionExpiryInterval, home } = record;
  const { sessionEnd } = home;
  if (!outlivesConnection(record)) return undefined;
  const { received } = relay.machine.unfinished();
  const subscriptions = relay.machine.subscriptions.toKeep();
  const left = { received, ...(subscriptions !== undefined && { subscriptions: encodeSubscriptions(subscriptions) }) };
  const isForEver = sessionEnd === undefined || sessionExpiryInterval === forEverSeconds || goneAtMs === undefined;
  if (!isForEver) return { ...left, expiresAtMs: goneAtMs + sessionExpiryInterval * 1_000 };
  return received.length === 0 && subscriptions === undefined ? undefined : left;
}
