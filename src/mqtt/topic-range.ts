/** Whether some topic name matches both filters, which are well-formed and without `$share/name/`. */
export function filtersIntersect(left: string, right: string): boolean {
  if (isApartByDollar(left, right) || isApartByDollar(right, left)) return false;
  const lefts = left.split('/');
  const rights = right.split('/');
  for (let index = 0; ; index += 1) {
    const mine = lefts[index];
    const other = rights[index];
    // `#` stands for any rest, also for none: `a/#` matches `a` [MQTT-4.7.1-2].
    if (mine === '#' || other === '#') {
      const isOneLevel = index === 1 && (mine === undefined || other === undefined);
      // No topic name is empty [MQTT-4.7.3-1].
      return !isOneLevel || (lefts[0] !== '' && rights[0] !== '');
    }
    if (mine === undefined || other === undefined) return mine === other;
    if (mine !== other && mine !== '+' && other !== '+') return false;
  }
}

/** Whether every topic name that matches `inner` matches one of the filters, which are well-formed and without `$share/name/`. */
export function isRangeCovered(inner: string, filters: readonly string[]): boolean {
  if (!inner.endsWith('#')) return filters.some((filter) => containsLevels(filter.split('/'), inner.split('/')));
  const prefix = inner.split('/').slice(0, -1);
  const covers = filters.map((filter) => filter.split('/'));
  const deepest = Math.max(prefix.length, ...covers.map(({ length }) => length)) + 1;
  // Names of levels are without number: what covers the names of one depth covers one whose levels nobody has named.
  for (let depth = prefix.length; depth <= deepest; depth += 1) {
    const levels = [...prefix, ...Array.from({ length: depth - prefix.length }, () => '+')];
    // No topic name is empty [MQTT-4.7.3-1].
    if (levels.length === 0 || (levels.length === 1 && levels[0] === '')) continue;
    if (!covers.some((cover) => containsLevels(cover, levels))) return false;
  }
  return true;
}

/** `inner` has no `#`. */
function containsLevels(outer: readonly string[], inner: readonly string[]): boolean {
  if (/^[+#]$/.test(outer[0] ?? '') && inner[0]?.startsWith('$')) return false; // [MQTT-4.7.2-1]
  for (let index = 0; ; index += 1) {
    const mine = outer[index];
    const other = inner[index];
    if (mine === '#') return true;
    if (mine === undefined || other === undefined) return mine === other;
    if (mine !== '+' && mine !== other) return false;
  }
}

/** A filter that begins with a wildcard matches no topic that begins with `$` [MQTT-4.7.2-1]. */
function isApartByDollar(filter: string, other: string): boolean {
  return /^[+#]/.test(filter) && other.startsWith('$');
}

/** Levels of a filter up to its first wildcard, with the slash behind them: what every topic that matches begins with. */
export function literalPrefix(filter: string): string {
  const wildcard = filter.search(/[+#]/);
  return wildcard < 0 ? filter : filter.slice(0, wildcard);
}
