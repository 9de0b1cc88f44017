/** One property that is not as it should be. */
export interface PropertyChange {
  /** For example `document.Statement[0].Resource`. */
  readonly path: string;
  /** As JSON; undefined: it is not there. */
  readonly before: unknown;
  readonly after: unknown;
}

export interface PropertyDifference {
  readonly changes: readonly PropertyChange[];
  /** Properties that the endpoint does not tell, so that nothing can be said about them. */
  readonly notTold: readonly string[];
}

/**
 * What is not as `desired` says. A property that `actual` has no key for was not told and is not compared. Empty texts,
 * lists and objects, `false`, null and undefined are the same: endpoints differ in how they say that something is not set.
 */
export function diffProperties(
  desired: Readonly<Record<string, unknown>>,
  actual: Readonly<Record<string, unknown>>,
): PropertyDifference {
  const named = Object.entries(desired).filter(([, value]) => value !== undefined);
  const told = named.filter(([name]) => Object.hasOwn(actual, name));
  return {
    changes: told.flatMap(([name, value]) => diffValues(name, actual[name], value)),
    notTold: named.filter(([name, value]) => !Object.hasOwn(actual, name) && !isUnset(value)).map(([name]) => name),
  };
}

function diffValues(path: string, before: unknown, after: unknown): readonly PropertyChange[] {
  if (isUnset(before) && isUnset(after)) return [];
  if (isMapping(before) && isMapping(after)) {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...keys].flatMap((key) => diffValues(`${path}.${key}`, before[key], after[key]));
  }
  if (Array.isArray(before) && Array.isArray(after) && before.length === after.length) {
    return after.flatMap((item, index) => diffValues(`${path}[${index}]`, before[index], item));
  }
  return before === after ? [] : [{ path, before, after }];
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isUnset(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === '') return true;
  if (Array.isArray(value)) return value.length === 0;
  return isMapping(value) && Object.values(value).every(isUnset);
}
