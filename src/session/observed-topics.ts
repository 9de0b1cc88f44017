import type { TopicUse } from '../mqtt/topic-pattern.ts';
import { isRangeCovered } from '../mqtt/topic-range.ts';
import { DeviceSketch } from './device-sketch.ts';
import { widenPatterns } from './pattern-widening.ts';

/** A pattern that a cohort's devices use. */
export interface ObservedTopic {
  readonly cohort: string;
  readonly use: TopicUse;
  readonly pattern: string;
  /** It stands for more topics than were seen. */
  readonly isWidened: boolean;
  /** By the wall clock, milliseconds. */
  readonly lastSeenMs: number;
  readonly devices: DeviceSketch;
}

/** What is told of a pattern: by one device, or of another memory's devices. */
export type TopicNote = Omit<ObservedTopic, 'devices'> & {
  readonly clientId?: string;
  readonly sketch?: Uint8Array;
};

/** A pattern on its way to another process; the sketch in base64. */
export type ReportedTopic = Omit<ObservedTopic, 'devices'> & { readonly sketch: string };

interface Entry extends ObservedTopic {
  isWidened: boolean;
  lastSeenMs: number;
}

/** Patterns of one cohort and use; beyond them they are widened to so many. */
export const patternsKept = { most: 250, widened: 200 };
/** Cohorts that plans had within the time that topics are remembered. */
const cohortsKept = 1_000;
/** A pattern that is seen again within this time is no news. */
const lastSeenStepMs = 3_600_000;

/**
 * The topics that the devices of cohorts use: bounded, because patterns that are too many are widened until they are few
 * enough. What it holds always contains what it was told.
 */
export class ObservedTopics {
  readonly #byPlace = new Map<string, Map<string, Entry>>();
  /** Changed since they were last taken; one that is gone, widened into another or forgotten, is undefined. */
  #changes = new Map<string, Entry | undefined>();

  /** True: a pattern came that was not known. */
  note(note: TopicNote): boolean {
    const entries = this.#of(note);
    if (entries === undefined) return false;
    const known = entries.get(note.pattern) ?? widerOf(entries, note.pattern);
    const entry = known ?? begin(note, entries);
    if (merge(entry, note) || known === undefined) this.#changes.set(keyOf(entry), entry);
    if (absorbs(entry) && known === undefined) {
      this.#move(entries, (pattern) => (isRangeCovered(pattern, [entry.pattern]) ? entry.pattern : pattern));
    }
    if (entries.size > patternsKept.most) this.#widen(entries);
    return known === undefined;
  }

  of(cohort: string): readonly ObservedTopic[] {
    return (['publish', 'subscribe'] as const).flatMap((use) => [
      ...(this.#byPlace.get(placeOf({ cohort, use }))?.values() ?? []),
    ]);
  }

  /** What has not been seen since then is forgotten. */
  forget(beforeMs: number): void {
    for (const [place, entries] of this.#byPlace) {
      for (const entry of entries.values()) {
        if (entry.lastSeenMs >= beforeMs) continue;
        entries.delete(entry.pattern);
        this.#changes.set(keyOf(entry), undefined);
      }
      if (entries.size === 0) this.#byPlace.delete(place);
    }
  }

  get hasChanged(): boolean {
    return this.#changes.size > 0;
  }

  /** What changed since the last call, by its key; undefined: it is gone. */
  takeChanges(): ReadonlyMap<string, ObservedTopic | undefined> {
    const changes = this.#changes;
    this.#changes = new Map();
    return changes;
  }

  /** Everything counts as changed: who took it before has lost it. */
  renewChanges(): void {
    for (const entries of this.#byPlace.values()) {
      for (const entry of entries.values()) this.#changes.set(keyOf(entry), entry);
    }
  }

  #of(note: TopicNote): Map<string, Entry> | undefined {
    const place = placeOf(note);
    const known = this.#byPlace.get(place);
    if (known !== undefined) return known;
    if (this.#byPlace.size >= cohortsKept * 2) return undefined;
    const entries = new Map<string, Entry>();
    this.#byPlace.set(place, entries);
    return entries;
  }

  #widen(entries: Map<string, Entry>): void {
    const wider = widenPatterns([...entries.keys()], patternsKept.widened);
    this.#move(entries, (pattern) => wider.get(pattern) ?? pattern);
  }

  #move(entries: Map<string, Entry>, widerOne: (pattern: string) => string): void {
    for (const entry of [...entries.values()]) {
      const pattern = widerOne(entry.pattern);
      if (pattern === entry.pattern) continue;
      entries.delete(entry.pattern);
      this.#changes.set(keyOf(entry), undefined);
      const { cohort, use, lastSeenMs, devices } = entry;
      const note = { cohort, use, pattern, isWidened: true, lastSeenMs, sketch: devices.bytes };
      const into = entries.get(pattern) ?? begin(note, entries);
      merge(into, note);
      into.isWidened = true;
      this.#changes.set(keyOf(into), into);
    }
  }
}

/** Names a pattern among all of them. */
export function keyOf({ cohort, use, pattern }: Pick<ObservedTopic, 'cohort' | 'use' | 'pattern'>): string {
  return JSON.stringify([cohort, use, pattern]);
}

function placeOf({ cohort, use }: Pick<ObservedTopic, 'cohort' | 'use'>): string {
  return JSON.stringify([cohort, use]);
}

function widerOf(entries: ReadonlyMap<string, Entry>, pattern: string): Entry | undefined {
  for (const entry of entries.values()) {
    if (absorbs(entry) && isRangeCovered(pattern, [entry.pattern])) return entry;
  }
  return undefined;
}

/** What ends in `#` stands for few devices with many topics, and would hide what all the others do. */
function absorbs({ isWidened, pattern }: Entry): boolean {
  return isWidened && !pattern.endsWith('#');
}

function begin({ cohort, use, pattern, isWidened, lastSeenMs }: TopicNote, entries: Map<string, Entry>): Entry {
  const entry: Entry = { cohort, use, pattern, isWidened, lastSeenMs, devices: new DeviceSketch() };
  entries.set(pattern, entry);
  return entry;
}

/** True: there is something to tell. */
function merge(entry: Entry, { pattern, isWidened, lastSeenMs, clientId, sketch }: TopicNote): boolean {
  let isNews = clientId !== undefined && clientId !== '' && entry.devices.add(clientId);
  if (sketch !== undefined && entry.devices.merge(sketch)) isNews = true;
  if (lastSeenMs - entry.lastSeenMs >= lastSeenStepMs) {
    entry.lastSeenMs = lastSeenMs;
    isNews = true;
  }
  if (isWidened && !entry.isWidened && pattern === entry.pattern) {
    entry.isWidened = true;
    isNews = true;
  }
  return isNews;
}
