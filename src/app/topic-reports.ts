import type { DeviceTopics, UsedTopic } from '../session/device-topics.ts';
import { type ObservedTopic, ObservedTopics, type ReportedTopic } from '../session/observed-topics.ts';
import type { ControlLinkEnd } from './linked-registry.ts';

/** Patterns that are new, and those that only have further devices, wait this long for company: milliseconds. */
const newAfterMs = 250;
const furtherAfterMs = 2_000;

/**
 * What a worker's devices use, on its way to the control process. While that is away it adds up here, bounded; behind an
 * absence all of it is told again, which changes nothing that is known.
 */
export class TopicReports implements DeviceTopics {
  readonly #topics = new ObservedTopics();
  readonly #wallMs: () => number;
  #link: ControlLinkEnd | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isSoon = false;

  constructor(wallMs: () => number) {
    this.#wallMs = wallMs;
  }

  used(topic: UsedTopic): void {
    const isNew = this.#topics.note({ ...topic, lastSeenMs: this.#wallMs() });
    if (this.#topics.hasChanged) this.#arm(isNew);
  }

  linkUp(link: ControlLinkEnd): void {
    this.#link = link;
    this.#topics.renewChanges();
    if (this.#topics.hasChanged) this.#arm(true);
  }

  linkDown(): void {
    this.#link = undefined;
  }

  close(): void {
    this.#link = undefined;
    clearTimeout(this.#timer);
  }

  #arm(isNew: boolean): void {
    if (this.#link === undefined || (this.#timer !== undefined && (this.#isSoon || !isNew))) return;
    clearTimeout(this.#timer);
    this.#isSoon = isNew;
    this.#timer = setTimeout(() => this.#send(), isNew ? newAfterMs : furtherAfterMs);
  }

  #send(): void {
    this.#timer = undefined;
    if (this.#link === undefined) return;
    // What was widened is in what it was widened to.
    const topics = [...this.#topics.takeChanges().values()].filter((topic) => topic !== undefined);
    if (topics.length > 0) this.#link.post({ kind: 'topics', topics: topics.map(toReport) });
  }
}

function toReport({ cohort, use, pattern, isWidened, lastSeenMs, devices }: ObservedTopic): ReportedTopic {
  return { cohort, use, pattern, isWidened, lastSeenMs, sketch: Buffer.from(devices.bytes).toString('base64') };
}
