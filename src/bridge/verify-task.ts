import { setTimeout as wait } from 'node:timers/promises';
import { changedTopic, orderKey } from '../mqtt/topic-rule.ts';
import type { BridgedMessage } from './link/bridged-message.ts';
import { type MemberSlot, workingMembers } from './member-slots.ts';
import { openProbe, type ServiceWork } from './service-work.ts';
import { type CarriedFigures, type ServiceVerdict, serviceVerdict } from './services/service-verdict.ts';
import { type WindowFigures, WindowTally } from './services/window-tally.ts';

export interface Verification extends ServiceVerdict {
  readonly window: WindowFigures;
  readonly bridge: CarriedFigures;
}

const lookMs = 100;
/** Messages that are remembered; the window ends there. */
const mostMessages = 200_000;
/** Milliseconds by which a subscription may hear of what a member has counted already, or the other way round. */
const edgeMs = 50;

/** Holds source and target against each other for a window. Rejects where they cannot be heard. */
export async function verifyService(
  work: ServiceWork,
  { windowMs, legacy }: { readonly windowMs: number; readonly legacy: number },
): Promise<Verification> {
  const { rule, clock, times, signal } = work;
  const watch = new ServiceWatch(work);
  await using target = await openProbe(work, rule.to, { use: 'verify-target', onMessage: watch.hearTarget });
  await using source = await openProbe(work, rule.from, { use: 'verify-source', onMessage: watch.hearSource });
  // The target first: what the source is heard to have must be heard there.
  await target.subscribe(watch.filterAtTarget);
  await source.subscribe(rule.filter);
  watch.begin(clock.wallMs());
  const endMs = clock.monotonicMs() + windowMs;
  const keepOn = async () => {
    await wait(lookMs, undefined, { signal });
    source.assertKept();
    target.assertKept();
    watch.look();
  };
  while (clock.monotonicMs() < endMs && watch.tally.size < mostMessages) await keepOn();
  watch.tally.close();
  const graceEndMs = clock.monotonicMs() + times.graceMs;
  while (!watch.isSettled(legacy) && clock.monotonicMs() < graceEndMs) await keepOn();
  const window = watch.tally.figures(legacy === 0);
  const bridge = watch.carried();
  const isOrdered = rule.order !== 'parallel' && legacy === 0 && watch.members === 1;
  return { window, bridge, ...serviceVerdict({ window, bridge, windowMs, target: rule.to, legacy, isOrdered }) };
}

/** What both subscriptions and the members' figures say. */
class ServiceWatch {
  readonly tally = new WindowTally();
  readonly filterAtTarget: string;
  readonly #work: ServiceWork;
  readonly #first = new Map<string, MemberSlot>();
  readonly #last = new Map<string, MemberSlot>();
  #beganAtMs = Number.POSITIVE_INFINITY;

  constructor(work: ServiceWork) {
    this.#work = work;
    const { filter, topicChange } = work.rule;
    this.filterAtTarget = topicChange.addPrefix + filter.slice(topicChange.stripPrefix.length);
  }

  get members(): number {
    return this.#last.size;
  }

  begin(nowMs: number): void {
    this.#beganAtMs = nowMs;
  }

  readonly hearSource = ({ topic, payload, qos, retain, isMarked }: BridgedMessage, isWhole: boolean): void => {
    const { rule, clock } = this.#work;
    const topicAtTarget = changedTopic(topic, rule.topicChange);
    // What the bridge does not carry: what it has carried here itself, and what it has no topic for.
    if (retain || isMarked || !isWhole || topicAtTarget === undefined) return;
    const key = rule.order === 'parallel' ? undefined : orderKey(topic, rule.order.keyLevel);
    this.tally.hearSource({ ...{ topicAtTarget, payload, qos, key }, atMs: clock.wallMs() });
  };

  readonly hearTarget = ({ topic, payload, retain }: BridgedMessage, isWhole: boolean): void => {
    if (!retain && isWhole) this.tally.hearTarget(topic, payload, this.#work.clock.wallMs());
  };

  look(): void {
    const { board, rule } = this.#work;
    for (const member of workingMembers(board.readStatuses(), rule.name)) {
      if (member.writtenAtMs < this.#beganAtMs) continue;
      if (!this.#first.has(member.identity)) this.#first.set(member.identity, member);
      this.#last.set(member.identity, member);
    }
  }

  /** With instances left at the source most messages never come: then the members' next figures are enough. */
  isSettled(legacy: number): boolean {
    return legacy === 0 ? this.tally.waiting === 0 : this.#hasFigures();
  }

  /** From the members' first figures in the window to their last ones. */
  carried(): CarriedFigures {
    const pairs = [...this.#last.values()].map((last) => ({ last, first: this.#first.get(last.identity) ?? last }));
    const sum = (of: (member: MemberSlot) => number) =>
      pairs.reduce((total, { first, last }) => total + of(last) - of(first), 0);
    const froms = pairs.map(({ first }) => first.writtenAtMs);
    const tos = pairs.map(({ last }) => last.writtenAtMs);
    const [fromMs, toMs] = [Math.min(...froms), Math.max(...tos)];
    return {
      received: sum(({ slot }) => slot.messages.received),
      carried: sum(({ slot }) => slot.messages.carried),
      dropped: sum(({ slot }) => total(slot.messages.dropped)),
      deadLetters: sum(({ slot }) => total(slot.messages.deadLetters)),
      echoes: sum(({ slot }) => slot.messages.echoes + slot.messages.loopsBroken),
      underWay: pairs.reduce((count, { last }) => count + onTheWay(last) + last.slot.spool.messages, 0),
      heard: this.tally.deliveredBetween(fromMs, toMs),
      uncertain:
        this.tally.deliveredBetween(fromMs - edgeMs, Math.max(...froms) + edgeMs) +
        this.tally.deliveredBetween(Math.min(...tos) - edgeMs, toMs + edgeMs) +
        pairs.reduce((count, { first, last }) => count + onTheWay(first) + onTheWay(last), 0),
    };
  }

  #hasFigures(): boolean {
    return [...this.#last].every(([identity, { writtenAtMs }]) => {
      const first = this.#first.get(identity);
      return first !== undefined && writtenAtMs > first.writtenAtMs;
    });
  }
}

function onTheWay({ slot }: MemberSlot): number {
  return slot.lanes.reduce((sum, { messages }) => sum + messages, 0);
}

function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
