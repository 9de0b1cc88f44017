/** What a broker is blamed for that did not answer in time; each of them at least `pingAnswerMs` after it was asked. */
export const legSilence = {
  ping: 'PINGREQ was not answered',
  subscribe: 'a SUBSCRIBE was not answered',
  publish: 'a PUBLISH was not answered',
} as const;

const blames: ReadonlySet<string> = new Set(Object.values(legSilence));

/** Whether a leg ended because its broker was silent, by what was said of its end. */
export function isLegSilence(message: string): boolean {
  return blames.has(message);
}
