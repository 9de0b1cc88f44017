import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { type MemberSlot, memberFaults, workingMembers } from './member-slots.ts';
import { openProbe, type ServiceWork } from './service-work.ts';
import { isAsExpected, shareFigures } from './services/expected-share.ts';
import { ProbeTally } from './services/probe-tally.ts';
import type { ServiceOutcome } from './services/service-ledger.ts';
import type { ShareFigures } from './services/service-record.ts';
import { ShareCount } from './services/share-count.ts';

/** A service without traffic is measured by these: fifty a second. */
const everyMs = 20;
const lookMs = 100;

/**
 * Measures the bridge's share of the group. With `isShared` it fails unless somebody beside the bridge is seen to get a
 * part: a member must not leave for an instance that is not there.
 */
export async function measureShare(
  work: ServiceWork,
  expected: { readonly members: number; readonly others: number; readonly isShared: boolean },
): Promise<ServiceOutcome> {
  const { rule, times } = work;
  const count = new ShareCount(times.shareWindowMs);
  const result = await countShare(work, count, expected.members);
  if (typeof result === 'string') return { kind: 'failed', text: result };
  const share = shareFigures(result.share, { ...expected, messages: result.messages });
  const text = `the bridge gets ${percent(share.share)} of group ${rule.share ?? ''}, expected are ${percent(share.expectedShare)}`;
  if (expected.isShared && !isSomebodyThere(share, expected)) {
    const missing = 'nobody else is seen in the group: has the instance started, with the same share name and filter?';
    return { kind: 'failed', text: `${text}: ${missing}`, figures: { share } };
  }
  return { kind: 'succeeded', text: isAsExpected(share) ? text : `${text}: ${unlike(share)}`, figures: { share } };
}

/** The share, or why it could not be measured. */
async function countShare(
  work: ServiceWork,
  count: ShareCount,
  members: number,
): Promise<{ readonly share: number; readonly messages: number } | string> {
  const { board, rule, terms, clock, times, signal } = work;
  const onMessage = ({ retain }: { readonly retain: boolean }) => {
    if (!retain) count.hear(clock.wallMs());
  };
  await using source = await openProbe(work, rule.from, { use: 'move-source', onMessage });
  await source.subscribe(rule.filter);
  const tally = new ProbeTally({ service: terms.name, run: randomUUID(), way: 'there' });
  const sinceMs = clock.wallMs();
  const dueMs = clock.monotonicMs() + times.shareWindowMs * 2 + times.probeMs;
  for (let turn = 1; ; turn += 1) {
    if (source.hasRoom) source.publish(terms.probeTopic, tally.next());
    await wait(everyMs, undefined, { signal });
    if (turn % (lookMs / everyMs) !== 0) continue;
    const slots = workingMembers(board.readStatuses(), rule.name);
    count.read(slots.map(countOf), sinceMs);
    const faults = memberFaults(slots, members);
    const result = faults.length === 0 ? count.result(slots.map(({ identity }) => identity)) : undefined;
    if (result !== undefined) return result;
    if (clock.monotonicMs() < dueMs) continue;
    return `the share could not be measured: ${faults.length > 0 ? faults.join('; ') : 'members give no figures'}`;
  }
}

function countOf({ identity, writtenAtMs, slot }: MemberSlot) {
  return { identity, writtenAtMs, received: slot.messages.received };
}

/** With one instance expected, the share must be nearer to that than to nobody being there. */
function isSomebodyThere({ share, expectedShare }: ShareFigures, { others }: { readonly others: number }): boolean {
  return others === 1 ? share < (1 + expectedShare) / 2 : share < 0.98;
}

function unlike({ share, expectedShare }: ShareFigures): string {
  return share < expectedShare
    ? 'somebody else in the group gets a part (an instance that has not unsubscribed?), or the broker does not go round'
    : 'an instance gets less than its part, or the broker does not go round';
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
