import { type HeldSubscription, maxHeldFilters } from './subscription-table.ts';
import { topicFilterFault } from './topic.ts';

/** What a session is subscribed to at its broker, as far as the gateway saw it. */
export interface SessionSubscriptions {
  /** False: the broker may hold more, from before the gateway or because it was too much to remember. */
  readonly subscriptionsKnown: boolean;
  readonly held: readonly HeldSubscription[];
}

/** Bytes of the text that is remembered of one session. */
export const maxRememberedBytes = 262_144;

const unknown: SessionSubscriptions = { subscriptionsKnown: false, held: [] };

/** What stands for subscriptions that are not known. */
export const unknownSubscriptions = textOf(false, []);

/** What a session's desk knows. */
export interface KnownSubscriptions {
  readonly hasChanged: boolean;
  subscriptions(): ReadonlyMap<string, HeldSubscription>;
}

/** Undefined: what was taken up still holds. `isKnown`: the gateway saw all of it, or the device has asked for it since. */
export function subscriptionsToKeep(
  desk: KnownSubscriptions,
  takenUp: SessionSubscriptions | undefined,
  { isKnown }: { readonly isKnown: boolean },
): SessionSubscriptions | undefined {
  if (takenUp !== undefined && !desk.hasChanged) return undefined;
  return { subscriptionsKnown: isKnown, held: [...desk.subscriptions().values()] };
}

/** As text for the store of sessions: at most `maxRememberedBytes`; of more nothing is remembered but that it is not known. */
export function encodeSubscriptions({ subscriptionsKnown, held }: SessionSubscriptions): string {
  let bytes = unknownSubscriptions.length + 1;
  const rows: string[] = [];
  for (const subscription of held) {
    const row = JSON.stringify(toRow(subscription));
    // The comma behind it.
    bytes += Buffer.byteLength(row) + 1;
    if (bytes > maxRememberedBytes) return unknownSubscriptions;
    rows.push(row);
  }
  return textOf(subscriptionsKnown, rows);
}

/** Text that `encodeSubscriptions` did not write, or none, is as good as not known. */
export function decodeSubscriptions(text: string | undefined): SessionSubscriptions {
  if (text === undefined || text.length > maxRememberedBytes) return unknown;
  try {
    const { known, held } = JSON.parse(text) as { readonly known?: unknown; readonly held?: unknown };
    if (!Array.isArray(held) || held.length > maxHeldFilters || !held.every(isRow)) return unknown;
    return { subscriptionsKnown: known === true, held: held.map(toSubscription) };
  } catch {
    return unknown;
  }
}

/**
 * What is known of a session, given what was kept of it and what was imported: the import tells nothing to a gateway that
 * saw all of it, and what the gateway saw is newer than the import.
 */
export function withImported(kept: string | undefined, imported: string): string {
  const seen = decodeSubscriptions(kept);
  if (seen.subscriptionsKnown) return kept ?? imported;
  if (seen.held.length === 0) return imported;
  const told = decodeSubscriptions(imported);
  const held = new Map([...told.held, ...seen.held].map((subscription) => [subscription.filter, subscription]));
  return encodeSubscriptions({ subscriptionsKnown: told.subscriptionsKnown, held: [...held.values()] });
}

/** Filter, the options byte of SUBSCRIBE (MQTT 5 §3.8.3.1), the QoS that was granted, the Subscription Identifier. */
type Row = readonly [filter: string, options: number, granted: number, identifier?: number];

function toRow(subscription: HeldSubscription): Row {
  const { filter, qos, noLocal, retainAsPublished, retainHandling, granted, subscriptionIdentifier } = subscription;
  const options = qos | (noLocal ? 0x04 : 0) | (retainAsPublished ? 0x08 : 0) | (retainHandling << 4);
  return subscriptionIdentifier === undefined
    ? [filter, options, granted]
    : [filter, options, granted, subscriptionIdentifier];
}

function toSubscription([filter, options, granted, subscriptionIdentifier]: Row): HeldSubscription {
  return {
    filter,
    qos: (options & 0x03) as 0 | 1 | 2,
    noLocal: (options & 0x04) !== 0,
    retainAsPublished: (options & 0x08) !== 0,
    retainHandling: ((options >> 4) & 0x03) as 0 | 1 | 2,
    granted,
    ...(subscriptionIdentifier !== undefined && { subscriptionIdentifier }),
  };
}

function isRow(value: unknown): value is Row {
  if (!Array.isArray(value) || value.length < 3 || value.length > 4) return false;
  const [filter, options, granted, identifier = 1] = value as readonly unknown[];
  const isByte = isNumber(options, 0, 0x2f) && (options & 0x03) !== 0x03;
  const isGranted = isNumber(granted, 0, 2) && isNumber(identifier, 1, 268_435_455);
  return typeof filter === 'string' && topicFilterFault(filter) === undefined && isByte && isGranted;
}

function isNumber(value: unknown, min: number, max: number): value is number {
  return Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
}

function textOf(isKnown: boolean, rows: readonly string[]): string {
  return `{"known":${isKnown},"held":[${rows.join(',')}]}`;
}
