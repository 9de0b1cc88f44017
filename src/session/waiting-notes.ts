import { obstacleBit } from '../mqtt/kind-bits.ts';
import type { AssessmentNote, NotedObstacle } from './assessment-store.ts';

export interface WaitingNotesBounds {
  readonly devices: number;
  /** Characters of names and examples, all together. */
  readonly characters: number;
}

/** What is known of one device and not yet passed on; a set of bits and the obstacles with their examples. */
export interface WaitingNote {
  readonly note: Pick<AssessmentNote, 'clientId' | 'cohort' | 'target'>;
  atMs: number;
  adaptations: number;
  readonly obstacles: NotedObstacle[];
}

/**
 * Notes on their way to another process or to the disk, one for each device, cohort and target however often it was
 * seen; bounded, so that a way that is closed for long costs notes and not memory.
 */
export class WaitingNotes {
  readonly #bounds: WaitingNotesBounds;
  /** By client ID; nearly every device has one. */
  readonly #notes = new Map<string, WaitingNote[]>();
  #characters = 0;

  constructor(bounds: WaitingNotesBounds) {
    this.#bounds = bounds;
  }

  /** Devices with something that waits. */
  get size(): number {
    return this.#notes.size;
  }

  /** False: the bound is reached, and something of it was not taken. */
  add(note: AssessmentNote, nowMs: number): boolean {
    const waiting = this.#of(note);
    if (waiting === undefined) return false;
    waiting.atMs = Math.max(waiting.atMs, nowMs);
    waiting.adaptations |= note.adaptations;
    let isWhole = true;
    for (const obstacle of note.obstacles) {
      if (waiting.obstacles.some(({ kind }) => kind === obstacle.kind)) continue;
      if (this.#take(obstacle.example.length)) waiting.obstacles.push(obstacle);
      else isWhole = false;
    }
    return isWhole;
  }

  obstacleOf(clientId: string, target: string): NotedObstacle['kind'] | undefined {
    const ofTarget = this.#notes.get(clientId)?.filter(({ note }) => note.target === target) ?? [];
    const kinds = ofTarget.flatMap(({ obstacles }) => obstacles.map(({ kind }) => kind));
    return kinds.sort((a, b) => obstacleBit[a] - obstacleBit[b])[0];
  }

  /** The oldest, of `limit` devices; they wait on. */
  first(limit: number): readonly WaitingNote[] {
    const notes: WaitingNote[] = [];
    let devices = 0;
    for (const ofClient of this.#notes.values()) {
      if (devices === limit) break;
      devices += 1;
      notes.push(...ofClient);
    }
    return notes;
  }

  /** They have gone on. */
  remove(notes: readonly WaitingNote[]): void {
    for (const { note, obstacles } of notes) {
      const rest = this.#notes.get(note.clientId)?.filter((waiting) => waiting.note !== note) ?? [];
      if (rest.length === 0) this.#notes.delete(note.clientId);
      else this.#notes.set(note.clientId, rest);
      this.#characters -= lengthOf(note);
      for (const { example } of obstacles) this.#characters -= example.length;
    }
  }

  #of({ clientId, cohort, target }: AssessmentNote): WaitingNote | undefined {
    const ofClient = this.#notes.get(clientId);
    const known = ofClient?.find(({ note }) => note.cohort === cohort && note.target === target);
    if (known !== undefined) return known;
    if (ofClient === undefined && this.#notes.size >= this.#bounds.devices) return undefined;
    const note = { clientId, cohort, target };
    if (!this.#take(lengthOf(note))) return undefined;
    const waiting: WaitingNote = { note, atMs: 0, adaptations: 0, obstacles: [] };
    if (ofClient === undefined) this.#notes.set(clientId, [waiting]);
    else ofClient.push(waiting);
    return waiting;
  }

  #take(characters: number): boolean {
    if (this.#characters + characters > this.#bounds.characters) return false;
    this.#characters += characters;
    return true;
  }
}

function lengthOf({ clientId, cohort, target }: WaitingNote['note']): number {
  return clientId.length + cohort.length + target.length;
}
