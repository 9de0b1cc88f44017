/** One mistake in a plan document: where, and a sentence of what was expected and what came. */
export interface PlanMistake {
  readonly path: readonly (string | number)[];
  readonly message: string;
  /** The place is the key's, not the value's. */
  readonly atKey?: boolean;
}

/** One line, `cohorts[0].weightBps: expected …`. */
export function renderPlanMistake({ path, message }: PlanMistake): string {
  const place = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`)).join('');
  return place === '' ? message : `${place.replace(/^\./, '')}: ${message}`;
}

const shownCharacters = 80;

/** A value as it may stand in a message: short, on one line, typed where that is the point. */
export function describeValue(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (typeof value === 'string') {
    return JSON.stringify(value.length > shownCharacters ? `${value.slice(0, shownCharacters - 1)}…` : value);
  }
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return Array.isArray(value) ? `a list of ${value.length}` : 'a mapping';
}
