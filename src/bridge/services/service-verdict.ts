import type { WindowFigures } from './window-tally.ts';

/** What the members of the bridge did between two of their figures. */
export interface CarriedFigures {
  readonly received: number;
  readonly carried: number;
  readonly dropped: number;
  readonly deadLetters: number;
  /** Not carried because they had been carried before, or went round. */
  readonly echoes: number;
  /** On the way or in the spool at the end. */
  readonly underWay: number;
  /** Deliveries at the target between the same two moments. */
  readonly heard: number;
  /** By so many `heard` may be off, because the two moments are not the same at both ends. */
  readonly uncertain: number;
}

export interface VerdictGrounds {
  readonly window: WindowFigures;
  readonly bridge: CarriedFigures;
  readonly windowMs: number;
  readonly target: string;
  /** Instances left at the source. */
  readonly legacy: number;
  /** The rule promises an order, and one member has all of it. */
  readonly isOrdered: boolean;
}

export interface ServiceVerdict {
  readonly isComplete: boolean;
  readonly text: string;
}

/**
 * With no instance left at the source every message must have come out at the target. With some left the bridge has only
 * its share, and what is proved is that nothing of that share was lost.
 */
export function serviceVerdict(grounds: VerdictGrounds): ServiceVerdict {
  const { window, windowMs, legacy } = grounds;
  if (window.source === 0) {
    return { isComplete: false, text: `no message came within ${windowMs / 1_000} s: nothing is proved` };
  }
  const faults = [...(legacy === 0 ? wholeFaults(grounds) : shareFaults(grounds)), ...commonFaults(grounds)];
  const notes = [
    ...(window.duplicates > 0 ? [`${window.duplicates} came twice`] : []),
    ...(window.late > 0 ? [`${window.late} came more than a second late`] : []),
    ...(window.missingQos0 > 0 ? [`${window.missingQos0} of QoS 0 did not come`] : []),
  ];
  const said = faults.length > 0 ? faults : [legacy === 0 ? wholeText(grounds) : shareText(grounds)];
  return { isComplete: faults.length === 0, text: [...said, ...notes].join('; ') };
}

function wholeFaults({ window, target }: VerdictGrounds): readonly string[] {
  if (window.missing === 0) {
    return window.target > 0 ? [] : [`none of ${window.source} messages came out at ${target}`];
  }
  const topics = window.missingTopics.map((topic) => JSON.stringify(topic)).join(', ');
  return [`missing ${window.missing} of ${window.source} messages at ${target}, for example on ${topics}`];
}

function shareFaults({ bridge, target }: VerdictGrounds): readonly string[] {
  const { received, carried, dropped, deadLetters, echoes, underWay, heard, uncertain } = bridge;
  const unaccounted = received - carried - dropped - deadLetters - echoes - underWay;
  const missing = carried - heard - uncertain;
  return [
    ...(received === 0 ? ['the members of the bridge received nothing'] : []),
    ...(unaccounted > 0 ? [`missing ${unaccounted} of ${received} messages that the members received`] : []),
    ...(missing > 0 ? [`missing ${missing} of ${carried} carried messages at ${target}`] : []),
  ];
}

function commonFaults({ window, bridge, isOrdered }: VerdictGrounds): readonly string[] {
  const { deadLetters, dropped } = bridge;
  return [
    ...(deadLetters > 0 ? [`${deadLetters} became dead letters`] : []),
    ...(dropped > 0 ? [`${dropped} were dropped`] : []),
    ...(isOrdered && window.outOfOrder > 0 ? [`${window.outOfOrder} came behind a later one of their key`] : []),
  ];
}

function wholeText({ window, windowMs, target }: VerdictGrounds): string {
  return `all ${window.target} messages of ${windowMs / 1_000} s came out at ${target}`;
}

function shareText({ window, bridge, windowMs, target, legacy }: VerdictGrounds): string {
  const { received, carried, heard, uncertain } = bridge;
  const off = uncertain > 0 ? ` (give or take ${uncertain})` : '';
  const left = legacy === 1 ? '1 instance has' : `${legacy} instances have`;
  return `of ${window.source} messages of ${windowMs / 1_000} s the members received ${received}, carried ${carried}, and ${heard}${off} came out at ${target}; ${left} the others`;
}
