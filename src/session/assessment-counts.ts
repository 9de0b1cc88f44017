import type { AdaptationKind, Obstacle } from '../mqtt/adaptation-kind.ts';
import { adaptationsIn, obstaclesIn } from '../mqtt/kind-bits.ts';

/** What is known of one device, as sets of `adaptationBit`s and `obstacleBit`s. */
export interface KnownDevice {
  readonly adaptations: number;
  readonly obstacles: number;
}

/** Devices of a cohort by what a target makes of them. `asIs`, `adapted` and `cannot` share the devices between them. */
export interface AssessmentCounts {
  /** Milliseconds of the wall clock. */
  readonly sinceMs: number;
  readonly devices: number;
  readonly asIs: number;
  /** Devices that can move, with something adapted; a device may need several kinds. */
  readonly adapted: number;
  readonly cannot: number;
  readonly adaptations: ReadonlyMap<AdaptationKind, number>;
  readonly obstacles: ReadonlyMap<Obstacle, number>;
  /** Times that a device beyond the bound was seen: it is not listed, and what it did is not remembered. */
  readonly notListed: number;
}

/** A name under which devices are counted. */
export type CountName =
  | 'as-is'
  | 'adapted'
  | 'cannot'
  | 'not-listed'
  | `adapt ${AdaptationKind}`
  | `cannot ${Obstacle}`;

/** The names that a device counts under; of a device that cannot move, what it would need adapted does not count. */
export function countNamesOf({ adaptations, obstacles }: KnownDevice): readonly CountName[] {
  if (obstacles !== 0) return ['cannot', ...obstaclesIn(obstacles).map((kind) => `cannot ${kind}` as const)];
  if (adaptations === 0) return ['as-is'];
  return ['adapted', ...adaptationsIn(adaptations).map((kind) => `adapt ${kind}` as const)];
}

/** Adds up changes of counts; nothing is below 0. */
export class CountChanges {
  readonly #changes = new Map<CountName, number>();

  replace(before: KnownDevice | undefined, after: KnownDevice): void {
    if (before !== undefined) for (const name of countNamesOf(before)) this.add(name, -1);
    for (const name of countNamesOf(after)) this.add(name, 1);
  }

  add(name: CountName, change: number): void {
    this.#changes.set(name, (this.#changes.get(name) ?? 0) + change);
  }

  /** Those that are not 0. */
  *[Symbol.iterator](): Iterator<readonly [CountName, number]> {
    for (const change of this.#changes) if (change[1] !== 0) yield change;
  }
}

export function toAssessmentCounts(sinceMs: number, counts: ReadonlyMap<string, number>): AssessmentCounts {
  const of = (name: CountName) => counts.get(name) ?? 0;
  const [asIs, adapted, cannot] = [of('as-is'), of('adapted'), of('cannot')];
  const adaptations = adaptationsIn(~0).map((kind) => [kind, of(`adapt ${kind}`)] as const);
  const obstacles = obstaclesIn(~0).map((kind) => [kind, of(`cannot ${kind}`)] as const);
  return {
    sinceMs,
    devices: asIs + adapted + cannot,
    asIs,
    adapted,
    cannot,
    adaptations: new Map(adaptations.filter(([, devices]) => devices > 0)),
    obstacles: new Map(obstacles.filter(([, devices]) => devices > 0)),
    notListed: of('not-listed'),
  };
}
