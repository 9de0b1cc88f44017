/** A text of a policy: literal characters, wildcards and variables. */
export type PolicyPattern = readonly PatternPart[];
type PatternPart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'any' }
  | { readonly kind: 'one' }
  | { readonly kind: 'variable'; readonly name: string };

/** What a variable stands for in one request; several values for those that end in `.List`. */
export type PolicyVariables = (name: string) => string | readonly string[] | undefined;

/** `*` and `?` are wildcards over all characters, `/` included; `+` and `#` are none; `${name}` is a variable. */
export function readPolicyPattern(text: string): PolicyPattern {
  return [...text.matchAll(/\$\{([^}]*)\}|[*?]|[^*?$]+|\$/g)].map(([part, name]): PatternPart => {
    if (name !== undefined) return { kind: 'variable', name };
    if (part === '*') return { kind: 'any' };
    return part === '?' ? { kind: 'one' } : { kind: 'text', text: part };
  });
}

/**
 * The pattern with its variables replaced; undefined where one has no value that may be put in: then nothing matches,
 * so that a client ID of `*` or `${…}` cannot widen a policy.
 */
export function substituted(pattern: PolicyPattern, variables: PolicyVariables): PolicyPattern | undefined {
  const parts: PatternPart[] = [];
  for (const part of pattern) {
    if (part.kind !== 'variable') {
      parts.push(part);
      continue;
    }
    const text = substitutable(variables(part.name));
    if (text === undefined) return undefined;
    parts.push({ kind: 'text', text });
  }
  return parts;
}

/** Whether a pattern without variables matches the whole text. */
export function matchesPattern(pattern: PolicyPattern, text: string): boolean {
  const symbols = pattern.flatMap((part): (string | symbol)[] =>
    part.kind === 'text' ? [...part.text] : [part.kind === 'any' ? any : one],
  );
  const characters = [...text];
  let at = 0;
  let symbol = 0;
  // Where the last `*` stood, and up to where it has taken: the only place to go back to.
  let star = -1;
  let taken = 0;
  while (at < characters.length) {
    const wanted = symbols[symbol];
    if (wanted === any) {
      star = symbol++;
      taken = at;
    } else if (wanted === one || (wanted !== undefined && wanted === characters[at])) {
      symbol++;
      at++;
    } else if (star >= 0) {
      symbol = star + 1;
      at = ++taken;
    } else {
      return false;
    }
  }
  while (symbols[symbol] === any) symbol++;
  return symbol === symbols.length;
}

/** The pattern as a text in which wildcards stand for themselves. */
export function literalText(pattern: PolicyPattern): string {
  return pattern.map((part) => (part.kind === 'text' ? part.text : part.kind === 'any' ? '*' : '?')).join('');
}

const any = Symbol('any');
const one = Symbol('one');
const maxSubstitutedCharacters = 1_024;

function substitutable(value: string | readonly string[] | undefined): string | undefined {
  if (typeof value !== 'string' || value.length > maxSubstitutedCharacters) return undefined;
  return /[*$+?#]/.test(value) ? undefined : value;
}
