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

/** A filter that begins with a wildcard matches no topic that begins with `$` [MQTT-4.7.2-1]. */
function isApartByDollar(filter: string, other: string): boolean {
  return /^[+#]/.test(filter) && other.startsWith('$');
}

/** Levels of a filter up to its first wildcard, with the slash behind them: what every topic that matches begins with. */
export function literalPrefix(filter: string): string {
  const wildcard = filter.search(/[+#]/);
  return wildcard < 0 ? filter : filter.slice(0, wildcard);
}
