import type { Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';
import { pingAnswerMs } from '../mqtt/leg-keep-alive.ts';
import { isLegSilence } from '../mqtt/leg-silence.ts';
import type { SessionMachine } from '../mqtt/session-machine.ts';
import type { LegConnection } from './leg-connection.ts';
import type { LegConnections } from './leg-connections.ts';
import type { DialledLeg } from './leg-dial.ts';
import type { LegNews, SessionEffects } from './session-effects.ts';
import type { SessionRecord } from './session-record.ts';

/**
 * What a further connection is for. `repair`: the session has none. `handover`: it stands by. `fetch`: its broker was lost
 * after the session had left it, with messages for the device.
 */
export type DialPurpose = 'repair' | 'handover' | 'fetch';

/** What a session's relay hears of its legs. */
export interface BrokerSideEvents {
  handleBrokerData(leg: LegConnection, chunk: Buffer): void;
  /** Its broker sends no more. */
  handleBrokerEnd(leg: LegConnection): void;
  /** Its socket is closed. */
  handleBrokerClose(leg: LegConnection): void;
  /** The session is on another connection than before. */
  handleSwitched(leg: LegConnection, formerBroker: string): void;
  handleUpstreamOver(leg: LegConnection): void;
}

interface BrokerSideOptions {
  readonly record: SessionRecord;
  readonly legs: LegConnections;
  readonly machine: SessionMachine;
  readonly effects: SessionEffects;
  readonly clock: Clock;
  readonly events: BrokerSideEvents;
}

/** The legs of one session as its machine knows them: which are there, which is active, which come and go. */
export class BrokerSide {
  readonly #record: SessionRecord;
  readonly #legs: LegConnections;
  readonly #machine: SessionMachine;
  readonly #effects: SessionEffects;
  readonly #clock: Clock;
  readonly #events: BrokerSideEvents;

  constructor({ record, legs, machine, effects, clock, events }: BrokerSideOptions) {
    this.#record = record;
    this.#legs = legs;
    this.#machine = machine;
    this.#effects = effects;
    this.#clock = clock;
    this.#events = events;
  }

  listen(leg: LegConnection): void {
    const { socket } = leg;
    socket.on('data', (chunk: Buffer) => this.#events.handleBrokerData(leg, chunk));
    socket.on('drain', () => this.#effects.brokerDrained(leg));
    socket.on('end', () => this.#events.handleBrokerEnd(leg));
    socket.on('close', () => this.#events.handleBrokerClose(leg));
  }

  /** Undefined: it came too late for its purpose. */
  add({ socket, terms, upstream }: DialledLeg, purpose: DialPurpose): LegConnection | undefined {
    if (!this.#isWanted(purpose)) return undefined;
    const leg = this.#legs.add(socket, terms);
    this.listen(leg);
    this.#effects.legAdded(leg);
    const nowMs = this.#clock.monotonicMs();
    if (purpose === 'fetch') this.#resume(leg, upstream, nowMs);
    else this.#machine.attach(leg.number, upstream, nowMs);
    return leg;
  }

  #isWanted(purpose: DialPurpose): boolean {
    const isDetached = this.#machine.phase === 'detached';
    switch (purpose) {
      case 'repair':
        return isDetached;
      case 'handover':
        return !isDetached && this.#legs.others.length === 0;
      case 'fetch':
        return this.#machine.awaitedLeg !== undefined;
    }
  }

  /** Where its broker has the session still, that one is as whole as it was before it was lost. */
  #resume(leg: LegConnection, upstream: DialledLeg['upstream'], nowMs: number): void {
    leg.isWhole = upstream.sessionPresent && this.#record.queueAt === leg.terms.broker;
    this.#record.queueAt = undefined;
    this.#machine.attachFormer(leg.number, upstream, nowMs);
  }

  /** Begins to read what came meanwhile. */
  resume({ socket, gate }: LegConnection): void {
    if (!gate.isShut) socket.resume();
  }

  handleOver({ leg: number, how, message }: Extract<LegNews, { readonly kind: 'over' }>): void {
    const leg = this.#legs.of(number);
    if (leg === undefined) return;
    const nowMs = this.#clock.monotonicMs();
    if (isLegSilence(message)) leg.terms.watch.noteUnanswered(nowMs - pingAnswerMs, nowMs);
    if (this.#machine.isEnded) this.#comeHome(leg);
    // The machine has written the DISCONNECT.
    if (how === 'disconnect') leg.close(false);
    else leg.destroy();
    if (this.#legs.active === leg) this.#legs.active = undefined;
    this.#effects.activeChanged();
    this.#events.handleUpstreamOver(leg);
  }

  /** The active role went to this leg. */
  follow(number: number): void {
    const leg = this.#legs.of(number);
    if (leg === undefined || this.#legs.active === leg) return;
    const { broker } = this.#record.home;
    this.#legs.active = leg;
    leg.isWhole = true;
    this.#record.home = leg.terms;
    this.#effects.activeChanged();
    this.#events.handleSwitched(leg, broker);
  }

  /** The device is there or its will is the active leg's to publish: every other broker gets a DISCONNECT. */
  endOthers(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const leg of this.#legs.others) this.#comeHome(leg);
    for (const { number } of this.#legs.others) this.#machine.dismiss(number, nowMs);
    this.#effects.flush();
    for (let news = this.#effects.nextNews(); news !== undefined; news = this.#effects.nextNews()) {
      if (news.kind === 'over') this.handleOver(news);
    }
    // One that was to be the active one, had the session not failed with it.
    for (const leg of this.#legs.others) leg.close(this.#machine.mayTell(leg.number));
  }

  /**
   * The device of a persistent session leaves before the broker that it came from has given all it had: that broker has
   * the whole session still, and it is found there again. What the newer one has of it is left to be purged.
   */
  #comeHome(leg: LegConnection): void {
    const { home } = this.#record;
    if (!leg.isWhole || leg === this.#legs.active || !this.#goesOn()) return;
    this.#record.home = leg.terms;
    this.#events.handleSwitched(leg, home.broker);
  }

  /** Whether something of the session is left behind its device, which may have changed that with its DISCONNECT. */
  #goesOn(): boolean {
    const { outcome } = this.#effects;
    const changed = outcome?.kind === 'done' ? outcome.done.sessionExpiryInterval : undefined;
    return (changed ?? this.#record.sessionExpiryInterval) > 0;
  }

  destroyAll(): void {
    for (const { socket } of this.#legs.open) socket.destroy();
  }

  /** Whether every socket is closing for good. */
  get areDestroyed(): boolean {
    return this.#legs.open.every(({ socket }: { readonly socket: Socket }) => socket.destroyed);
  }
}
