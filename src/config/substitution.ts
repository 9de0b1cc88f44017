import type { Result } from '../base/result.ts';

/** What a scalar's text becomes. */
export interface Substitution {
  readonly text: string;
  /** True when a variable or a file went into it: the text may be a secret. */
  readonly substituted: boolean;
  /** Sentences about what could not be substituted. */
  readonly mistakes: readonly string[];
}

/** Reads a variable or a file for `${…}`; the error is a sentence without the value. */
export interface SubstitutionValues {
  variable(name: string): Result<string>;
  file(path: string): Result<string>;
}

/**
 * Replaces `${NAME}` and `${file:PATH}`, also inside longer text; `$${` stands for `${`. What was put in is not
 * looked at again. A dollar that no brace follows is itself.
 */
export function substitute(text: string, values: SubstitutionValues): Substitution {
  const mistakes: string[] = [];
  let substituted = false;
  const result = text.replace(/\$\$\{|\$\{([^}]*)(\}?)/g, (whole, inner: string | undefined, end: string) => {
    if (inner === undefined) return '${';
    const value = resolveReference(inner, end, values);
    if (!value.ok) {
      mistakes.push(value.error);
      return whole;
    }
    substituted = true;
    return value.value;
  });
  return { text: result, substituted, mistakes };
}

function resolveReference(inner: string, end: string, values: SubstitutionValues): Result<string> {
  if (end === '') return { ok: false, error: 'expected a closing } after ${ (write $${ for a literal ${), got none' };
  if (inner.startsWith('file:')) return values.file(inner.slice('file:'.length));
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(inner)) return values.variable(inner);
  const shown = JSON.stringify(`\${${inner.slice(0, 60)}}`);
  return { ok: false, error: `expected \${NAME} or \${file:PATH} (write $\${ for a literal \${), got ${shown}` };
}
