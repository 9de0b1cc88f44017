import type {
  RejectedSubscription,
  SubscribedDevice,
  SubscriptionImportBody,
  SubscriptionImportDocument,
} from '../admin/subscription-import.ts';
import type { HeldSubscription } from '../mqtt/subscription-table.ts';
import { topicFilterFault } from '../mqtt/topic.ts';
import type { ImportedDevice, ImportOutcome } from '../session/imported-subscriptions.ts';

/** Keeps what an operator knows; throws when it cannot be written. */
export type Learn = (importId: string, devices: readonly ImportedDevice[]) => readonly ImportOutcome[];

/** An MQTT string has at most 65 535 bytes (MQTT 5 section 1.5.4). */
const maxStringBytes = 65_535;

const refusals: Readonly<Partial<Record<ImportOutcome, string>>> = {
  'too-many': 'more filters than the gateway remembers of one session (10000, 256 KiB)',
  'no-room': 'the gateway has no room for further imported devices',
};

/** Takes what can be taken, and says what was not and why. Throws as `learn` does. */
export function importSubscriptions(body: SubscriptionImportBody, learn: Learn): SubscriptionImportDocument {
  const rejected: RejectedSubscription[] = [];
  const devices = body.devices.flatMap((device) => {
    const reason = clientIdFault(device.clientId);
    if (reason === undefined) return [judge(device, rejected)];
    rejected.push({ clientId: device.clientId, filter: null, reason });
    return [];
  });
  const outcomes = learn(body.importId, devices);
  let [taken, filters, alreadyKnown] = [0, 0, 0];
  for (const [index, { clientId, held }] of devices.entries()) {
    const outcome = outcomes[index] ?? 'no-room';
    const reason = refusals[outcome];
    if (reason !== undefined) rejected.push({ clientId, filter: null, reason });
    if (outcome === 'known') alreadyKnown += 1;
    if (outcome === 'taken') taken += 1;
    if (outcome === 'taken' || outcome === 'added') filters += held.length;
  }
  return { devices: taken, filters, alreadyKnown, rejected };
}

/** A device with a filter that is wrong is not known: what that filter was meant to be would be lost with a move. */
function judge(
  { clientId, subscriptions, isComplete = true }: SubscribedDevice,
  rejected: RejectedSubscription[],
): ImportedDevice {
  const held = new Map<string, HeldSubscription>();
  let subscriptionsKnown = isComplete;
  for (const { filter, qos } of subscriptions) {
    const reason = filterFault(filter) ?? (isQos(qos) ? undefined : `expected QoS 0, 1 or 2, got ${qos}`);
    if (reason === undefined && isQos(qos)) held.set(filter, toHeld(filter, qos));
    else {
      subscriptionsKnown = false;
      rejected.push({ clientId, filter, reason: reason ?? '' });
    }
  }
  return { clientId, subscriptionsKnown, held: [...held.values()] };
}

function toHeld(filter: string, qos: 0 | 1 | 2): HeldSubscription {
  return { filter, qos, noLocal: false, retainAsPublished: false, retainHandling: 0, granted: qos };
}

function isQos(qos: number): qos is 0 | 1 | 2 {
  return qos === 0 || qos === 1 || qos === 2;
}

function clientIdFault(clientId: string): string | undefined {
  if (clientId === '') return 'the client ID is empty';
  return stringFault(clientId, 'the client ID');
}

function filterFault(filter: string): string | undefined {
  return stringFault(filter, 'the topic filter') ?? topicFilterFault(filter);
}

function stringFault(text: string, name: string): string | undefined {
  if (text.includes('\0')) return `${name} contains U+0000`;
  if (!text.isWellFormed()) return `${name} is not Unicode text`;
  return Buffer.byteLength(text) > maxStringBytes ? `${name} is longer than ${maxStringBytes} bytes` : undefined;
}
