import { disconnectReason, encodeServerDisconnect } from '../mqtt/disconnect-packet.ts';
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
      if (!relay.isOpen || relay.isDetached || relay.machine.isQuiet(!relay.isHolding)) finish();
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
export async function closeForNewer(
  relay: Relay,
  newBroker: string | undefined,
  { closeMs, parked }: { readonly closeMs: number; readonly parked: ParkedUpstreams },
): Promise<void> {
  const { record, legs } = relay;
  // In an overlap the release below takes the home back to the former broker.
  const broker = legs.active?.terms.broker ?? record.home.broker;
  const goesElsewhere = newBroker !== undefined && newBroker !== broker;
  if (!relay.isReleased) endBoth(relay, goesElsewhere ? undefined : parked);
  for (const { socket } of legs.open) parked.watch(record.connection, socket);
  // The broker that the newer session goes to ends the leg there by itself; from another one it has to be gone.
  const closing = legs.open.filter(({ terms }) => goesElsewhere || terms.broker !== broker);
  if (closing.length > 0 || legs.isHeld) {
    await Promise.all([...closing.map(({ socket }) => closedWithin(socket, closeMs)), legs.whenUnheld()]);
  }
  if (!goesElsewhere) relay.yieldLeg();
}

function endBoth(relay: Relay, parked: ParkedUpstreams | undefined): void {
  const { device, legs, record } = relay;
  const farewell = encodeServerDisconnect(record.protocol, disconnectReason.sessionTakenOver);
  const deviceMayBeTold = relay.machine.mayTellDevice;
  // Inside a packet there is no right way: a DISCONNECT would be read as a part of it, and the rest of it cannot come any
  // more. The broker sees the connection lost and publishes the will (docs/decisions/0003-takeover.md).
  const brokerMayBeTold = relay.machine.mayTellBroker;
  const { active } = legs;
  relay.release(true);
  closeAfterFlush(device, takeoverLingerMs, deviceMayBeTold ? farewell : undefined);
  if (active === undefined) return;
  if (parked !== undefined) parked.park(record.connection, active.socket, brokerMayBeTold);
  else active.close(brokerMayBeTold);
}

function parkBoth(relay: Relay, reason: number): void {
  const { device, legs, record } = relay;
  const farewell = encodeServerDisconnect(record.protocol, reason);
  const deviceMayBeTold = relay.machine.mayTellDevice;
  const brokerMayBeTold = relay.machine.mayTellBroker;
  const { active } = legs;
  relay.release();
  closeAfterFlush(device, flushLingerMs, deviceMayBeTold ? farewell : undefined);
  active?.close(brokerMayBeTold);
}
