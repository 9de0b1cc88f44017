import { hash } from 'node:crypto';
import { filtersIntersect } from '../../mqtt/topic-range.ts';
import type { TopicRule } from '../../mqtt/topic-rule.ts';

/** What a slot is: the member of a share group, or a partition of the keys of a rule. */
export interface SlotPlace {
  readonly kind: 'member' | 'partition';
  /** From 0. */
  readonly index: number;
  /** Partitions of the rule; 1 for a member. */
  readonly count: number;
}

/** A rule's unit of work: what one process does with one source session, its lanes and its spool. */
export interface Slot {
  /** Names it among the slots of its rule, in its directory and in its client IDs: `m0-1a2b3c`, `p0of4-1a2b3c`. */
  readonly label: string;
  readonly rule: TopicRule;
  readonly place: SlotPlace;
}

/** The slots of a rule: the members of its share group, else the partitions of its keys. */
export function slotsOf(
  rule: TopicRule,
  { members, partitions }: { readonly members: number; readonly partitions: number },
): readonly Slot[] {
  const isShared = rule.share !== undefined;
  const number = isShared ? members : partitions;
  return Array.from({ length: number }, (_, index): Slot => {
    const place: SlotPlace = isShared
      ? { kind: 'member', index, count: 1 }
      : { kind: 'partition', index, count: partitions };
    const name = isShared ? `m${index}` : `p${index}of${partitions}`;
    return { label: `${name}-${digestOf(rule, place)}`, rule, place };
  });
}

/** Names it among all slots. */
export function slotKey({ rule, label }: Slot): string {
  return `${rule.name}/${label}`;
}

/**
 * What the former one is subscribed to is the other's from now on: before that has its subscription nobody else would get
 * it. Members of one share group take each other's part as they are.
 */
export function succeeds(next: Slot, former: Slot): boolean {
  const [{ rule }, { rule: past }] = [next, former];
  const isGroup = rule.share !== undefined && rule.share === past.share && rule.filter === past.filter;
  const isSameRule = rule.name === past.name && rule.from === past.from;
  return isSameRule && !isGroup && filtersIntersect(rule.filter, past.filter);
}

/** A slot that is subscribed to something else, or publishes elsewhere, is another slot: the former one has to leave. */
function digestOf({ from, to, filter, share, order }: TopicRule, { count }: SlotPlace): string {
  const key = order === 'parallel' || count === 1 ? 0 : order.keyLevel;
  return hash('sha256', JSON.stringify([from, to, filter, share ?? null, key]), 'hex').slice(0, 6);
}
