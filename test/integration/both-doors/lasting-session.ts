import type { Party } from './door-case.ts';
import { acknowledge, type ConnectOptions, property, publish } from './packet-writing.ts';
import type { RawClient } from './raw-client.ts';

/** Fields of a client whose session outlives its connection. */
export function lasting(party: Party, more: readonly Buffer[] = []): ConnectOptions {
  return party.version === '5' ? { clean: false, properties: [property.sessionExpiry(60), ...more] } : { clean: false };
}

/** Publishes from another client, to the end of the exchange. */
export async function tell(party: Party, other: RawClient, topic: string, qos: number, id: number): Promise<void> {
  other.send(publish(party.version, { topic, qos, payload: `message ${id}`, ...(qos === 0 ? {} : { id }) }));
  if (qos === 1) await other.nextOf(4);
  if (qos === 2) {
    await other.nextOf(5);
    other.send(acknowledge.pubrel(id));
    await other.nextOf(7);
  }
}
