/**
 * What patterns become where they are too many: those that have the beginning in common and differ in one level the most
 * have `+` there, and so on until at most `limit` are left. Each new pattern matches whatever the old one matches.
 */
export function widenPatterns(patterns: readonly string[], limit: number): ReadonlyMap<string, string> {
  const levelsOf = new Map(patterns.map((pattern) => [pattern, pattern.split('/')]));
  for (;;) {
    const left = new Set([...levelsOf.values()].map((levels) => levels.join('/')));
    if (left.size <= limit) break;
    widenOnce([...levelsOf.values()]);
  }
  return new Map([...levelsOf].map(([pattern, levels]) => [pattern, levels.join('/')]));
}

/** The level in which most patterns with the same beginning differ; the deepest of several. */
function widenOnce(patterns: readonly string[][]): void {
  const places = new Map<string, { readonly at: number; readonly values: Set<string> }>();
  for (const levels of patterns) {
    for (const [at, level] of levels.entries()) {
      const key = placeOf(levels, at);
      const place = places.get(key) ?? { at, values: new Set() };
      places.set(key, place);
      place.values.add(level);
    }
  }
  const [widest] = [...places].toSorted(([, a], [, b]) => b.values.size - a.values.size || b.at - a.at);
  if (widest === undefined) return;
  const [key, { at, values }] = widest;
  for (const levels of patterns) {
    // Those that differ in no level are beginnings of one another.
    if (values.size === 1) levels.splice(1, levels.length, ...(levels.length > 1 ? ['#'] : []));
    else if (levels.length <= at || placeOf(levels, at) !== key) continue;
    else if (values.has('#')) levels.splice(at, levels.length, '#');
    else levels[at] = '+';
  }
}

/** Where a level stands, and what is before it. */
function placeOf(levels: readonly string[], at: number): string {
  return `${at} ${levels.slice(0, at).join('/')}`;
}
