import type { WirePublish, WireVersion } from './wire-packets.ts';

/** Who a device of the handover world is, by its index alone, so that every process knows it. */
export interface DevicePlan {
  readonly index: number;
  readonly clientId: string;
  readonly version: WireVersion;
  readonly isPersistent: boolean;
  /** It makes its subscriptions and leaves; messages queue for it until its wave. */
  readonly startsOffline: boolean;
}

/** Half of the devices persistent, a tenth of those offline at first, half of either kind MQTT 5. */
export function devicePlan(index: number): DevicePlan {
  return {
    index,
    clientId: `dev-${index}`,
    version: index % 4 >= 2 ? 5 : 4,
    isPersistent: index % 2 === 0,
    startsOffline: index % 40 === 0 || index % 40 === 22,
  };
}

/** The client ID's index. */
export function deviceIndex(clientId: string): number {
  return Number(clientId.slice('dev-'.length));
}

export const commandFilter = 'cmd/#';
export const telemetryFilter = 'tel/#';
export const willFilter = 'will/#';

export function deviceFilters({ clientId }: DevicePlan): readonly string[] {
  return [`cmd/${clientId}/#`, `probe/${clientId}`, retainedTopic(clientId)];
}

export function retainedTopic(clientId: string): string {
  return `config/${clientId}`;
}

export function willTopic(clientId: string): string {
  return `will/${clientId}`;
}

/** Not mirrored: says which broker serves the device. */
export function probeTopic(clientId: string): string {
  return `probe/${clientId}`;
}

/** ON, OFF, OFF, ON, ON, …: neighbours are often equal, and they are published on different brokers. */
function payloadOf(number: number): string {
  return ((number >> 1) & 1) === 0 ? 'ON' : 'OFF';
}

/**
 * A numbered message. To MQTT 5 devices the number is a user property, so that topic and payload repeat like those of a
 * real switch; MQTT 3.1.1 has no place for it but the topic.
 */
export function numberedMessage(
  kind: 'cmd' | 'tel',
  { clientId, version }: DevicePlan,
  number: number,
  sentMs: number,
): WirePublish {
  const stamp = sentMs.toFixed(0);
  const payload = payloadOf(number);
  return version === 5
    ? { topic: `${kind}/${clientId}`, payload, tag: `${number}/${stamp}` }
    : { topic: `${kind}/${clientId}/${number}/${stamp}`, payload };
}

export interface NumberedMessage {
  readonly clientId: string;
  readonly number: number;
  readonly sentMs: number;
}

/** Undefined for a message that nobody here would have sent. */
export function parseNumbered({ topic, payload, tag }: WirePublish): NumberedMessage | undefined {
  const [, clientId = '', ...levels] = topic.split('/');
  const [number = 0, sentMs = 0] = (tag?.split('/') ?? levels).map(Number);
  const isOurs = number >= 1 && payloadOf(number) === payload && (tag === undefined) === (levels.length === 2);
  return isOurs ? { clientId, number, sentMs } : undefined;
}

/** The broker on whose side the backends publish a command: either in turn. */
export function commandSide(index: number, number: number): Side {
  return (index + number) % 2 === 0 ? 'legacy' : 'target';
}

/** A message by its sender's or receiver's device. */
export interface DeviceMessage {
  readonly index: number;
  readonly number: number;
}

export type Side = 'legacy' | 'target';
export const sides: readonly Side[] = ['legacy', 'target'];
/** Messages that wait for each device that starts offline. */
export const queuedPerDevice = 50;
