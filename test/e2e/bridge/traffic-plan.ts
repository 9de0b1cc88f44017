export type Side = 'legacy' | 'target';
export const sides: readonly Side[] = ['legacy', 'target'];

export function otherSide(side: Side): Side {
  return side === 'legacy' ? 'target' : 'legacy';
}

/** Messages of both sides, by key: keys stand in groups, so that subscriptions and rules can divide them. */
export interface TrafficPlan {
  readonly keys: number;
  readonly groups: number;
  /** The first level of a side's topics; the same for both where the rules' ranges may come round. */
  readonly roots: Readonly<Record<Side, string>>;
}

/** The level of a topic that is its key: `ROOT/gGROUP/kKEY/SIDE`. */
export const keyLevel = 3;

export function topicOf({ groups, roots }: TrafficPlan, side: Side, key: number): string {
  return `${roots[side]}/g${key % groups}/k${key}/${side}`;
}

export function groupFilter({ roots }: TrafficPlan, side: Side, group: number): string {
  return `${roots[side]}/g${group}/#`;
}

export interface TrafficMessage {
  readonly side: Side;
  readonly key: number;
  /** From 1, without gaps. */
  readonly number: number;
  /** Machine milliseconds. */
  readonly madeMs: number;
}

const payloadBytes = 100;

export function payloadOf({ number, madeMs }: Pick<TrafficMessage, 'number' | 'madeMs'>): string {
  return `${number} ${madeMs.toFixed(1)} `.padEnd(payloadBytes, '.');
}

/** Throws where it is none of the plan's. */
export function parseMessage(topic: string, payload: string): TrafficMessage {
  const [, , key = '', side] = topic.split('/');
  const [number, madeMs] = payload.split(' ', 2);
  const message = { side: side as Side, key: Number(key.slice(1)), number: Number(number), madeMs: Number(madeMs) };
  if (!sides.includes(message.side) || !(message.number > 0) || !(message.madeMs > 0))
    throw new Error(`expected a message of the plan, got ${topic}: ${payload.slice(0, 40)}`);
  return message;
}
