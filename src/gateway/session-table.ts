import { setImmediate as nextTurn } from 'node:timers/promises';
import type { RoutingSnapshot } from '../plan/snapshot.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { LiveSession, MisplacedSession, SessionCounts, SessionFilter } from './live-session.ts';
import type { Relay } from './relay.ts';
import { returnsHome, type SessionRecord } from './session-record.ts';

/** Sessions asked again per turn of the event loop when the plan changes, so that no relay waits for all of them. */
const sessionsPerTurn = 1_000;

/** The worker's live sessions, by connection number. */
export class SessionTable {
  readonly #relayByConnection = new Map<number, Relay>();
  /** Their device is gone and their broker has not closed yet: the client ID is still theirs. */
  readonly #endingByConnection = new Map<number, Relay>();
  readonly #sessionsGauge: Metrics['sessions'];
  #applying = 0;

  constructor(sessionsGauge: Metrics['sessions']) {
    this.#sessionsGauge = sessionsGauge;
  }

  get size(): number {
    return this.#relayByConnection.size;
  }

  add(relay: Relay): void {
    this.#relayByConnection.set(relay.record.connection, relay);
    this.#sessionsGauge.inc(labelsOf(relay));
  }

  /** The session is live no more; its leg stays known until `forget`. */
  remove(relay: Relay): void {
    const { connection } = relay.record;
    if (this.#relayByConnection.delete(connection)) this.#sessionsGauge.dec(labelsOf(relay));
    this.#endingByConnection.set(connection, relay);
  }

  /** The session's home is another one than before. */
  moved(relay: Relay, formerBroker: string): void {
    if (!this.#relayByConnection.has(relay.record.connection)) return;
    const labels = labelsOf(relay);
    this.#sessionsGauge.dec({ ...labels, broker: formerBroker });
    this.#sessionsGauge.inc(labels);
  }

  forget(relay: Relay): void {
    this.#endingByConnection.delete(relay.record.connection);
  }

  relayOf(connection: number): Relay | undefined {
    return this.#relayByConnection.get(connection);
  }

  /** The leg of a session that is live or still ends. */
  legOf(connection: number): Relay | undefined {
    return this.#relayByConnection.get(connection) ?? this.#endingByConnection.get(connection);
  }

  endingRelays(): IterableIterator<Relay> {
    return this.#endingByConnection.values();
  }

  relays(): IterableIterator<Relay> {
    return this.#relayByConnection.values();
  }

  /** Asks the new plan about every session. A newer call overtakes this one. */
  async applySnapshot(snapshot: RoutingSnapshot, onOtherCohort: (relay: Relay) => void): Promise<void> {
    this.#applying += 1;
    const turn = this.#applying;
    let asked = 0;
    for (const relay of [...this.#relayByConnection.values()]) {
      if (asked > 0 && asked % sessionsPerTurn === 0) await nextTurn();
      if (turn !== this.#applying) return;
      asked += 1;
      if (this.#reassign(relay, snapshot)) onOtherCohort(relay);
    }
  }

  /** `reasonOf`: why a session is not where the plan wants it. */
  sessions(filter: SessionFilter, reasonOf: (relay: Relay) => string | undefined): LiveSession[] {
    const found: LiveSession[] = [];
    for (const relay of this.#relayByConnection.values()) {
      if (found.length >= filter.limit) break;
      if (!matches(relay, filter)) continue;
      const reason = filter.withReasons === true ? reasonOf(relay) : undefined;
      found.push({ ...toLiveSession(relay), ...(reason !== undefined && { reason }) });
    }
    return found;
  }

  /** Live sessions of these cohorts, wherever they are. */
  liveIn(cohorts: readonly string[]): number {
    let found = 0;
    for (const { record } of this.relays()) if (cohorts.includes(record.assignment.cohort ?? '')) found += 1;
    return found;
  }

  /** Sessions that are not where the plan wants them; of these cohorts only, when they are given. `unregisteredAt`: why that broker would not have them yet. */
  misplaced(
    cohorts: readonly string[] | undefined,
    unregisteredAt: (relay: Relay) => string | undefined,
  ): MisplacedSession[] {
    const found: MisplacedSession[] = [];
    for (const relay of this.#relayByConnection.values()) {
      const { connection, clientId, assignment, home, sessionExpiryInterval, heldBack } = relay.record;
      if (home.broker === assignment.broker) continue;
      if (cohorts !== undefined && !cohorts.includes(assignment.cohort ?? '')) continue;
      const unregistered = unregisteredAt(relay);
      found.push({
        connection,
        clientId,
        persistent: sessionExpiryInterval > 0,
        returnsHome: returnsHome(relay.record),
        ...(heldBack !== undefined && { heldBack }),
        ...(unregistered !== undefined && { unregistered }),
        position: assignment.position ?? 0,
        isClosing: relay.onProgress !== undefined || !relay.isOpen,
      });
    }
    return found;
  }

  counts(snapshot: RoutingSnapshot): Pick<SessionCounts, 'byBroker' | 'byCohort'> {
    const byBroker: Record<string, number> = {};
    const byCohort: Record<string, { source: number; target: number; moving: number }> = {};
    const cohortByName = new Map(snapshot.plan.cohorts.map((cohort) => [cohort.name, cohort]));
    for (const { name } of snapshot.plan.cohorts) byCohort[name] = { source: 0, target: 0, moving: 0 };
    for (const { record } of this.#relayByConnection.values()) {
      const { broker } = record.home;
      byBroker[broker] = (byBroker[broker] ?? 0) + 1;
      const cohort = cohortByName.get(record.assignment.cohort ?? '');
      const count = cohort === undefined ? undefined : byCohort[cohort.name];
      if (cohort === undefined || count === undefined) continue;
      if (broker === cohort.source) count.source += 1;
      else if (broker === cohort.target) count.target += 1;
      if (broker !== record.assignment.broker) count.moving += 1;
    }
    return { byBroker, byCohort };
  }

  /** True: its device is in another cohort than before, or in none. */
  #reassign(relay: Relay, snapshot: RoutingSnapshot): boolean {
    const { record } = relay;
    if (!this.#relayByConnection.has(record.connection)) return false;
    const assignment = snapshot.assign(record.identity);
    const isSameCohort = assignment.cohort === record.assignment.cohort;
    if (!isSameCohort) this.#sessionsGauge.dec(labelsOf(relay));
    record.assignment = assignment;
    if (!isSameCohort) record.heldBack = undefined;
    if (!isSameCohort) this.#sessionsGauge.inc(labelsOf(relay));
    return !isSameCohort;
  }
}

function labelsOf({ record }: Relay): { broker: string; cohort: string } {
  return { broker: record.home.broker, cohort: record.assignment.cohort ?? '' };
}

function matches({ record }: Relay, { broker, cohort, clientId, key, pending }: SessionFilter): boolean {
  const { assignment, home } = record;
  return (
    (pending !== true || home.broker !== assignment.broker) &&
    (key === undefined || keyOf(record) === key) &&
    (broker === undefined || record.home.broker === broker) &&
    (cohort === undefined || record.assignment.cohort === cohort) &&
    (clientId === undefined || record.clientId === clientId)
  );
}

function keyOf({ assignment: { kind, key } }: SessionRecord): string {
  return kind === undefined ? '' : `${kind}:${key ?? ''}`;
}

function toLiveSession({ record, machine }: Relay): LiveSession {
  const { assignment } = record;
  return {
    connection: record.connection,
    clientId: record.clientId,
    key: keyOf(record),
    cohort: assignment.cohort,
    home: record.home.broker,
    desired: assignment.broker,
    protocol: record.protocol,
    persistent: record.sessionExpiryInterval > 0,
    inFlight: machine.inflight,
    since: record.since,
    listener: record.listener,
  };
}
