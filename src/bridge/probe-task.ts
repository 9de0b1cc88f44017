import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { CrossfadeError } from '../base/errors.ts';
import { changedTopic, type TopicRule } from '../mqtt/topic-rule.ts';
import { type MemberSlot, memberFaults, workingMembers } from './member-slots.ts';
import type { ProbeConnection } from './probe-connection.ts';
import { openProbe, type ServiceWork } from './service-work.ts';
import { ProbeTally } from './services/probe-tally.ts';
import type { ServiceOutcome } from './services/service-ledger.ts';
import type { ProbeFigures } from './services/service-record.ts';
import { probeTopicOf } from './services/service-terms.ts';

/** Milliseconds between two probes: a rate that no quota notices. */
const everyMs = 20;
const lookMs = 200;
const leastHeard = 3;
const answerCount = 5;
/** Enough for everybody in a group to get some, and few enough for the time there is. */
const wholeLeast = 20;
const wholeMost = 500;

/**
 * Publishes probes at the source until each of so many members has carried some of what came and some probes were heard at
 * the target, then answers there, which must come back where the service has a rule for that. With `isWhole`
 * every probe must come through.
 */
export async function probeService(
  work: ServiceWork,
  { members, isWhole }: { readonly members: number; readonly isWhole: boolean },
): Promise<ServiceOutcome> {
  const run = new ProbeRun(work, members, isWhole);
  await using source = await openProbe(work, work.rule.from, {
    ...{ use: 'move-source', onMessage: ({ payload }) => run.back.hear(payload) },
  });
  await using target = await openProbe(work, work.rule.to, {
    ...{ use: 'move-target', onMessage: ({ payload }) => run.there.hear(payload) },
  });
  return await run.run(source, target);
}

class ProbeRun {
  readonly there: ProbeTally;
  readonly back: ProbeTally;
  readonly #work: ServiceWork;
  readonly #members: number;
  readonly #isWhole: boolean;

  constructor(work: ServiceWork, members: number, isWhole: boolean) {
    const probe = { service: work.terms.name, run: randomUUID() };
    this.there = new ProbeTally({ ...probe, way: 'there' });
    this.back = new ProbeTally({ ...probe, way: 'back' });
    this.#work = work;
    this.#members = members;
    this.#isWhole = isWhole;
  }

  async run(source: ProbeConnection, target: ProbeConnection): Promise<ServiceOutcome> {
    const { terms, rule, returns } = this.#work;
    await target.subscribe(topicBehind(rule, terms.probeTopic));
    const missingThere = await this.#goThere(source, target);
    if (missingThere.length > 0) return this.#failed(missingThere);
    if (returns !== undefined) {
      const asked = probeTopicOf(returns.filter);
      await source.subscribe(topicBehind(returns, asked));
      const missingBack = await this.#goBack(target, source, asked);
      if (missingBack.length > 0) return this.#failed(missingBack);
    }
    const { sent, heard } = this.there;
    const back = returns === undefined ? '' : `, and ${this.back.heard} of ${this.back.sent} answers came back`;
    const text = `${heard} of ${sent} probes came out at ${rule.to}, through each member${back}`;
    return { kind: 'succeeded', text, figures: { probes: this.#figures() } };
  }

  /** What was still missing when the time was over; empty: nothing. */
  async #goThere(source: ProbeConnection, target: ProbeConnection): Promise<readonly string[]> {
    const { clock, terms, times, signal } = this.#work;
    const dueMs = clock.monotonicMs() + times.probeMs;
    const before = this.#slots();
    const enough = this.#isWhole
      ? Math.min(wholeMost, Math.max(wholeLeast, 10 * this.#members))
      : Number.POSITIVE_INFINITY;
    let missing: readonly string[] = ['nothing was looked at'];
    let lookAtMs = clock.monotonicMs() + lookMs;
    while (missing.length > 0 && clock.monotonicMs() < dueMs) {
      if (this.there.sent < enough) sendOne(source, terms.probeTopic, this.there);
      target.assertKept();
      source.assertKept();
      await wait(everyMs, undefined, { signal });
      if (clock.monotonicMs() < lookAtMs) continue;
      lookAtMs = clock.monotonicMs() + lookMs;
      missing = this.#missingThere(before, enough);
    }
    return missing;
  }

  #missingThere(before: readonly MemberSlot[], enough: number): readonly string[] {
    const { rule } = this.#work;
    const slots = this.#slots();
    const { sent, heard } = this.there;
    const silent = slots.filter((slot) => carriedSince(before, slot) === 0);
    const least = this.#isWhole ? enough : leastHeard;
    const others =
      this.#isWhole && heard > 0 && sent >= enough
        ? ': they were lost, or somebody else in the group has them (an instance whose session has not ended gets its part)'
        : '';
    return [
      ...memberFaults(slots, this.#members),
      ...(heard < least ? [`${heard} of ${sent} probes came out at ${rule.to}${others}`] : []),
      ...silent.map(({ slot }) => `member ${slot.slot} has carried nothing meanwhile`),
    ];
  }

  async #goBack(target: ProbeConnection, source: ProbeConnection, topic: string): Promise<readonly string[]> {
    const { clock, returns, times, signal } = this.#work;
    const dueMs = clock.monotonicMs() + times.probeMs;
    // Who shares the way back with others gets its part of the answers.
    const least = returns?.share === undefined ? answerCount : 1;
    while (this.back.heard < least && clock.monotonicMs() < dueMs) {
      if (this.back.sent < answerCount || least < answerCount) sendOne(target, topic, this.back);
      source.assertKept();
      await wait(everyMs, undefined, { signal });
    }
    const { sent, heard } = this.back;
    return heard >= least ? [] : [`${heard} of ${sent} answers came back by rule ${returns?.name ?? ''}`];
  }

  #failed(missing: readonly string[]): ServiceOutcome {
    const seconds = this.#work.times.probeMs / 1_000;
    return {
      kind: 'failed',
      text: `not within ${seconds} s: ${missing.join('; ')}`,
      figures: { probes: this.#figures() },
    };
  }

  #figures(): ProbeFigures {
    const { sent, heard } = this.there;
    const back = { answersSent: this.back.sent, answersHeard: this.back.heard };
    return { sent, heard, ...(this.#work.returns !== undefined && back) };
  }

  #slots(): readonly MemberSlot[] {
    const { board, rule } = this.#work;
    return workingMembers(board.readStatuses(), rule.name);
  }
}

/** A slot that another process works by now counts from where that began. */
function carriedSince(before: readonly MemberSlot[], { identity, slot }: MemberSlot): number {
  const then = before.find((other) => other.identity === identity)?.slot.messages.carried ?? 0;
  return slot.messages.carried - then;
}

function sendOne(connection: ProbeConnection, topic: string, tally: ProbeTally): void {
  if (connection.hasRoom) connection.publish(topic, tally.next());
}

function topicBehind(rule: TopicRule, topic: string): string {
  const changed = changedTopic(topic, rule.topicChange);
  if (changed !== undefined) return changed;
  throw new CrossfadeError('probe', `rule ${rule.name} has no topic at ${rule.to} for ${topic}`);
}
