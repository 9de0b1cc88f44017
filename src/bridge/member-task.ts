import { setTimeout as wait } from 'node:timers/promises';
import { memberFaults, membersOf, workingMembers } from './member-slots.ts';
import { type ServiceWork, wantedMembers } from './service-work.ts';
import type { ServiceOutcome } from './services/service-ledger.ts';

const lookMs = 100;

/** Wants so many members, and waits until all of them have their subscription. More than that are left alone. */
export async function introduceMembers(work: ServiceWork, members: number): Promise<ServiceOutcome> {
  const { board, rule, times, clock, signal } = work;
  if (wantedMembers(work) < members) board.changeWish(rule.name, { members });
  const dueMs = clock.monotonicMs() + times.introduceMs;
  for (;;) {
    const faults = memberFaults(workingMembers(board.readStatuses(), rule.name), members);
    if (faults.length === 0) {
      return { kind: 'succeeded', text: `${count(members)} of the bridge in the share group ${rule.share ?? ''}` };
    }
    if (clock.monotonicMs() >= dueMs) {
      return { kind: 'failed', text: `not within ${times.introduceMs / 1_000} s: ${faults.join('; ')}` };
    }
    await wait(lookMs, undefined, { signal });
  }
}

/** Wants no more than so many members, and waits until the others are gone with all that they had taken. */
export async function retireMembers(work: ServiceWork, members: number): Promise<ServiceOutcome> {
  const { board, rule, times, clock, signal } = work;
  if (wantedMembers(work) > members) board.changeWish(rule.name, { members });
  const dueMs = clock.monotonicMs() + times.retireMs;
  for (;;) {
    const slots = membersOf(board.readStatuses(), rule.name);
    if (slots.length <= members && wantedMembers(work) <= members) {
      return { kind: 'succeeded', text: `${count(members)} of the bridge left in the share group ${rule.share ?? ''}` };
    }
    if (clock.monotonicMs() >= dueMs) {
      const left = slots.map(({ slot }) => `member ${slot.slot} is ${slot.state}, ${slot.spool.messages} in its spool`);
      return { kind: 'failed', text: `not within ${times.retireMs / 1_000} s: ${left.join('; ')}` };
    }
    await wait(lookMs, undefined, { signal });
  }
}

function count(members: number): string {
  return members === 1 ? '1 member' : `${members} members`;
}
