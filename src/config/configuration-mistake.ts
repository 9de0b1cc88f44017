/** A step of a path in the configuration: a key or an index. */
export type PathStep = string | number;
export type ConfigurationPath = readonly PathStep[];

/** One mistake in the configuration, with its place. Secrets and substituted values never stand in it. */
export interface ConfigurationMistake {
  /** The configuration file as it was named. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1, in characters. */
  readonly column: number;
  /** For example `listeners[0].tls.certificates[0].cert`; empty for the document itself. */
  readonly path: string;
  /** One sentence without a final period: what was expected and what came. */
  readonly message: string;
}

/** What a check finds before it is given a place. */
export interface Finding {
  readonly path: ConfigurationPath;
  readonly message: string;
  /** The place is the key's, not the value's. */
  readonly atKey?: boolean;
}

const mistakesRendered = 100;

/** One line per mistake, `file:line:column path: message`, and their number. */
export function renderMistakes(mistakes: readonly ConfigurationMistake[]): string {
  const lines = mistakes.slice(0, mistakesRendered).map(renderMistake);
  if (mistakes.length > mistakesRendered) lines.push(`… and ${mistakes.length - mistakesRendered} more`);
  lines.push(
    mistakes.length === 1 ? '1 mistake in the configuration' : `${mistakes.length} mistakes in the configuration`,
  );
  return `${lines.join('\n')}\n`;
}

/** `['listeners', 0, 'a.b']` as `listeners[0]["a.b"]`. */
export function renderPath(path: ConfigurationPath): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (!/^[\p{L}\p{N}_-]+$/u.test(step)) text += `[${JSON.stringify(step)}]`;
    else text += text === '' ? step : `.${step}`;
  }
  return text;
}

/** A value as it may stand in a message: short, on one line, typed where that is the point. */
export function describeValue(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'nothing (an empty value)';
  if (typeof value === 'string') return describeText(value);
  if (typeof value === 'number' || typeof value === 'boolean') return `${value}`;
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`;
  return 'a mapping';
}

/** `file:line:column path: message`. */
export function renderMistake({ file, line, column, path, message }: ConfigurationMistake): string {
  return `${file}:${line}:${column} ${path === '' ? '' : `${path}: `}${message}`;
}

/** A user and password in a URL are cut out: they are secrets. */
function describeText(text: string): string {
  const shown = text.replace(/\/\/[^/]*@/g, '//[hidden]@');
  return JSON.stringify(shown.length > 80 ? `${shown.slice(0, 79)}…` : shown);
}
