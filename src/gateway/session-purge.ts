import { backoffDelayMs } from '../base/backoff.ts';
import type { AttachmentContext } from './leg-attachment.ts';
import type { LegConnection } from './leg-connection.ts';
import { sessionEndAt } from './leg-dial.ts';
import type { Relay } from './relay.ts';
import { outlivesConnection } from './session-record.ts';

/** How often a purge that fails is tried again while the session lives; then its device's next CONNECT does it. */
const maxRetries = 5;
/** Milliseconds before a purge is tried again: full jitter above the first, doubling. */
const retryDelay = { leastMs: 5_000, baseMs: 60_000, maxMs: 900_000 };

/**
 * Ends a session at a broker that it is not at any more, in the background: it would gather what nobody fetches. The client
 * ID is kept meanwhile, because the purge connects with it; whoever wants it has the purge called off.
 */
export function purgeAt(broker: string, relay: Relay, context: AttachmentContext, retries = 0): void {
  const { sessionEnds, ports } = context;
  const { record } = relay;
  const { connection, clientId } = record;
  if (clientId === '') return;
  const release = relay.hold();
  const handleOver = (isEnded: boolean) => {
    if (isEnded) ports.registry.purged(clientId, broker);
    else if (retries < maxRetries && relay.isSteady) purgeLater(broker, relay, context, retries);
    release();
  };
  sessionEnds.begin({ connection, clientId, broker, sessionEnd: sessionEndAt(relay, context, broker), handleOver });
}

function purgeLater(broker: string, relay: Relay, context: AttachmentContext, retries: number): void {
  const random = (context.ports.random ?? Math.random)();
  const timer = setTimeout(
    () => {
      if (!relay.isSteady || isWanted(broker, relay)) return;
      // Another CONNECT of the client ID is under way, perhaps to this very broker.
      if (relay.legs.isHeld) purgeLater(broker, relay, context, retries);
      else purgeAt(broker, relay, context, retries + 1);
    },
    retryDelay.leastMs + backoffDelayMs(retries, random, retryDelay),
  );
  timer.unref();
}

/** The session is at that broker again, or has a leg there, behind whose end comes a purge of its own. */
function isWanted(broker: string, { record, legs }: Relay): boolean {
  return record.home.broker === broker || legs.open.some(({ terms }) => terms.broker === broker);
}

/**
 * Has a broker known as one that may hold a session of a live persistent one, though its home is another: whatever becomes
 * of this gateway, the next CONNECT purges it there. The registry takes the home that was last attached before for such.
 */
export function noteFormer(broker: string, { record }: Relay, { ports }: Pick<AttachmentContext, 'ports'>): void {
  const { clientId, connection, epoch, home, isClaimed } = record;
  if (!outlivesConnection(record) || !isClaimed || clientId === '' || broker === home.broker) return;
  for (const each of [broker, home.broker]) {
    ports.registry.attached({ clientId, connection, epoch, broker: each, persistent: true });
  }
}

/** Ends a live session at a broker that it left, unless its device's next connection is to go there. */
export function purgeLeft(broker: string, relay: Relay, context: AttachmentContext): void {
  const { home, queueAt } = relay.record;
  if (relay.isSteady && broker !== home.broker && broker !== queueAt) purgeAt(broker, relay, context);
}

/** Ends a persistent session at a broker that it left, as soon as its connection to that broker is closed. */
export function purgeBehind(leg: LegConnection, relay: Relay, context: AttachmentContext): void {
  if (!outlivesConnection(relay.record)) return;
  const { broker } = leg.terms;
  const release = relay.hold();
  const begin = () => {
    // Of a device that came back it is the newer connection's to decide.
    if (!relay.isTakenOver && relay.record.home.broker !== broker) purgeAt(broker, relay, context);
    release();
  };
  if (leg.socket.closed) begin();
  else leg.socket.once('close', begin);
}
