import type { Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';
import type { SessionMachineOptions } from '../mqtt/session-assembly.ts';
import type { CutAbort, SessionFault } from '../mqtt/session-port.ts';
import type { SessionScratch } from '../mqtt/session-scratch.ts';
import type { LegConnection } from './leg-connection.ts';
import type { LegOrigin } from './leg-dial.ts';
import type { SessionDeadlines } from './session-deadlines.ts';
import type { EffectsHost } from './session-effects.ts';
import type { Findings } from './session-findings.ts';
import type { SessionRecord } from './session-record.ts';

/** Who looks after the legs of the sessions; told behind the event, so that all of it may use the relay. */
export interface LegWatch<Relay> {
  /** No leg is active any more, and the device is still there. */
  handleDetached(relay: Relay): void;
  /** The session is on another connection than before; `relay.record.home` is that one's already. */
  handleSwitched(relay: Relay, leg: LegConnection, formerBroker: string): void;
  handleUpstreamOver(relay: Relay, leg: LegConnection): void;
  handleCutAborted(relay: Relay, reason: CutAbort): void;
  /** The broker that the session came from has given it all it had. */
  handleLeaving(relay: Relay): void;
  handleDrained(relay: Relay): void;
  handleDeliveredTwice(count: number): void;
  handleSubscriptionsChanged(relay: Relay): void;
}

/** What every relay of a gateway shares. */
export interface RelayHost<Relay> extends EffectsHost {
  readonly bytes: { fromDevice: number; fromBroker: number };
  readonly clock: Clock;
  readonly deadlines: SessionDeadlines;
  readonly scratch: SessionScratch;
  readonly legs: LegWatch<Relay>;
  /** The session cannot go on; told before its legs are closed. */
  handleFault(relay: Relay, fault: SessionFault): void;
  /** Called exactly once, when the device leg is gone or taken from the relay; upstream legs may still be closing. */
  handleDeviceGone(relay: Relay): void;
  /** The device is lost and its broker is to see so `delayMs` later: that leg is the host's from now on. */
  handleDelayedLoss(relay: Relay, leg: LegConnection, delayMs: number): void;
  /** Called exactly once, not before `handleDeviceGone`: every broker's side is closed too, or was left to its takeover. */
  handleLegOver(relay: Relay, sessionOver: boolean): void;
}

/** A session that begins: who it is, its first two sockets, and what its machine starts with. */
export interface RelayOptions {
  readonly record: SessionRecord;
  readonly origin: LegOrigin;
  readonly device: Socket;
  readonly upstream: Socket;
  readonly machine: Omit<SessionMachineOptions, 'port' | 'nowMs' | 'scratch'>;
  readonly findings: Findings;
}
