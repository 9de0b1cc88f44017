import type { ProcessStatus, SlotStatus } from './bridge-status.ts';

/** A member of a share group as the process that works it says. */
export interface MemberSlot {
  /** The same as long as its figures go on from where they were. */
  readonly identity: string;
  readonly writtenAtMs: number;
  readonly slot: SlotStatus;
}

/** The members of a rule that take messages, by slot. */
export function workingMembers(statuses: readonly ProcessStatus[], rule: string): readonly MemberSlot[] {
  return membersOf(statuses, rule).filter(({ slot }) => slot.state !== 'leaving');
}

/** Those too that are on their way out. */
export function membersOf(statuses: readonly ProcessStatus[], rule: string): readonly MemberSlot[] {
  return statuses.flatMap(({ process, startedAtMs, writtenAtMs, slots }) =>
    slots
      .filter((slot) => slot.rule === rule && slot.place.kind === 'member')
      .map((slot) => ({ identity: `${slot.slot} ${process} ${startedAtMs}`, writtenAtMs, slot })),
  );
}

/** What is the matter with the members of a rule; empty: they all listen and carry. */
export function memberFaults(members: readonly MemberSlot[], wanted: number): readonly string[] {
  const missing = wanted - members.length;
  return [
    ...(missing > 0 ? [`${missing} of ${wanted} members are worked by no process of the bridge`] : []),
    ...members.flatMap(({ slot }) => {
      if (slot.state !== 'running') return [`member ${slot.slot} is ${slot.state}`];
      return slot.isSubscribed ? [] : [`member ${slot.slot} has no subscription`];
    }),
  ];
}
