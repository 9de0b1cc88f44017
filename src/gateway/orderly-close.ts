import { disconnectReason, encodeClientDisconnect, encodeServerDisconnect } from '../mqtt/disconnect-packet.ts';
import { flushLingerMs, takeoverLingerMs } from './gateway-ports.ts';
import type { ParkedUpstreams } from './parked-upstreams.ts';
import type { Relay } from './relay.ts';
import { closeAfterFlush, closedWithin } from './socket-closing.ts';

/**
 * Closes a live session at a packet boundary: no packet is cut, the device is told why where its MQTT has words, and
 * the broker gets a DISCONNECT, so that no will is published. For the first half of `quiesceMs` both directions flow
 * and any moment with nothing in flight is taken; in the second half the device begins nothing new, and only what the
 * broker owes it is awaited. Resolves when the session has left the gateway: true when this call closed it.
 */
export function closeOrderly(relay: Relay, reason: number, quiesceMs: number): Promise<boolean> {
  if (!relay.isOpen || relay.onProgress !== undefined) return Promise.resolve(false);
  return new Promise((resolve) => {
    let timer = setTimeout(() => {
      relay.quiesce();
      timer = setTimeout(finish, quiesceMs / 2);
      advance();
    }, quiesceMs / 2);
    const finish = (): void => {
      clearTimeout(timer);
      relay.onProgress = undefined;
      const isOurs = relay.isOpen;
      if (isOurs) parkBoth(relay, reason);
      resolve(isOurs);
    };
    const advance = (): void => {
      if (!relay.isOpen || relay.machine.isQuiet(!relay.isHolding)) finish();
    };
    relay.onProgress = advance;
    advance();
  });
}

/**
 * Ends a device leg at once because its client ID connected again. The upstream leg stays open and silent until the
 * broker closes it at its own takeover. When the newer session goes to another broker, there is no takeover to wait
 * for: the old broker gets a DISCONNECT, because the device is alive and its will is not to be published, and this
 * resolves when its connection is closed, by the broker or after `closeMs` by force. A leg whose device is gone already
 * only closes.
 */
export function closeForNewer(
  relay: Relay,
  newBroker: string | undefined,
  { closeMs, parked }: { readonly closeMs: number; readonly parked: ParkedUpstreams },
): Promise<void> {
  const goesElsewhere = newBroker !== undefined && newBroker !== relay.record.home;
  if (!relay.isReleased) endBoth(relay, goesElsewhere ? undefined : parked);
  parked.watch(relay.record.connection, relay.upstream);
  if (goesElsewhere) return closedWithin(relay.upstream, closeMs);
  relay.yieldLeg();
  return Promise.resolve();
}

function endBoth(relay: Relay, parked: ParkedUpstreams | undefined): void {
  const { device, upstream, record } = relay;
  const farewell = encodeServerDisconnect(record.protocol, disconnectReason.sessionTakenOver);
  const deviceMayBeTold = relay.machine.mayTellDevice;
  // Inside a packet there is no right way: a DISCONNECT would be read as a part of it, and the rest of it cannot come any
  // more. The broker sees the connection lost and publishes the will (docs/decisions/0003-takeover.md).
  const brokerMayBeTold = relay.machine.mayTellBroker;
  relay.release(true);
  closeAfterFlush(device, takeoverLingerMs, deviceMayBeTold ? farewell : undefined);
  if (parked !== undefined) parked.park(record.connection, upstream, brokerMayBeTold);
  else closeAfterFlush(upstream, flushLingerMs, brokerMayBeTold ? encodeClientDisconnect() : undefined);
}

function parkBoth(relay: Relay, reason: number): void {
  const { device, upstream, record } = relay;
  const farewell = encodeServerDisconnect(record.protocol, reason);
  const deviceMayBeTold = relay.machine.mayTellDevice;
  const brokerMayBeTold = relay.machine.mayTellBroker;
  relay.release();
  closeAfterFlush(device, flushLingerMs, deviceMayBeTold ? farewell : undefined);
  closeAfterFlush(upstream, flushLingerMs, brokerMayBeTold ? encodeClientDisconnect() : undefined);
}
