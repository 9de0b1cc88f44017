import type { ShareFigures } from './service-record.ts';

/**
 * What the bridge got of a group's messages, against what its members would get of a broker that goes round. The
 * tolerance is that of a broker that draws lots (three standard deviations), and never below what the edges of the
 * measurement may hide.
 */
export function shareFigures(
  share: number,
  { members, others, messages }: { readonly members: number; readonly others: number; readonly messages: number },
): ShareFigures {
  const expectedShare = members + others === 0 ? 0 : members / (members + others);
  const drawn = 3 * Math.sqrt((expectedShare * (1 - expectedShare)) / Math.max(1, messages));
  return { share, expectedShare, tolerance: Math.max(leastTolerance, drawn), messages };
}

export function isAsExpected({ share, expectedShare, tolerance }: ShareFigures): boolean {
  return Math.abs(share - expectedShare) <= tolerance;
}

const leastTolerance = 0.05;
