import { type AdaptationKind, adaptationKinds, type Obstacle, obstacles } from './adaptation-kind.ts';

/** A bit for each kind, in the order of the lists: the form in which sets of kinds are kept and stored. */
export const adaptationBit: Readonly<Record<AdaptationKind, number>> = bitsOf(adaptationKinds);
export const obstacleBit: Readonly<Record<Obstacle, number>> = bitsOf(obstacles);

/** The kinds of a set of bits; bits of kinds that this version does not know are passed over. */
export function adaptationsIn(bits: number): readonly AdaptationKind[] {
  return adaptationKinds.filter((kind) => (bits & adaptationBit[kind]) !== 0);
}

export function obstaclesIn(bits: number): readonly Obstacle[] {
  return obstacles.filter((kind) => (bits & obstacleBit[kind]) !== 0);
}

function bitsOf<Kind extends string>(kinds: readonly Kind[]): Readonly<Record<Kind, number>> {
  return Object.fromEntries(kinds.map((kind, index) => [kind, 1 << index])) as Record<Kind, number>;
}
