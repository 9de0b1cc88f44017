/** What a module imports, by `import`, `export … from`, `import()`; types count as well. */
export interface ImportedModule {
  readonly specifier: string;
  /** The clause between the keyword and `from`, for example `{ type Foo, bar }`; empty for the other forms. */
  readonly clause: string;
}

const importForms = [
  /\b(?:import|export)\s+(?<clause>(?:type\s+)?(?:[\w$*]|\{)[^;'"`]*?)\s*\bfrom\s*(?<quote>['"])(?<specifier>[^'"]+)\k<quote>/g,
  /\bimport\s*(?<quote>['"])(?<specifier>[^'"]+)\k<quote>/g,
  /\bimport\s*\(\s*(?<quote>['"`])(?<specifier>[^'"`]+)\k<quote>/g,
];

export function importsOf(source: string): readonly ImportedModule[] {
  const text = withoutComments(source);
  return importForms.flatMap((form) =>
    [...text.matchAll(form)].map(({ groups }) => ({
      specifier: groups?.['specifier'] ?? '',
      clause: groups?.['clause'] ?? '',
    })),
  );
}

/** The source with comments blanked; line numbers stay. */
export function withoutComments(source: string): string {
  return blank(source, ['comment']);
}

/** The source with comments, strings and regular expressions blanked: what is left is code, also that in `${…}`. */
export function codeOf(source: string): string {
  return blank(source, ['comment', 'text']);
}

type Kind = 'comment' | 'text';

const comment = /\/\/[^\n]*|\/\*[\s\S]*?\*\//y;
const quoted = /'(?:\\[\s\S]|[^'\\\n])*'|"(?:\\[\s\S]|[^"\\\n])*"/y;
/** From a backtick, or from the brace that ends a substitution, to the next substitution or the end. */
const templatePart = /[`}](?:\\[\s\S]|\$(?!\{)|[^`\\$])*(?:`|\$\{)/y;
const regularExpression = /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*/y;
/** A slash after these begins a regular expression; after anything else it divides. */
const beforeRegularExpression = /(?:^|[=(,:;[!&|?{}<>+\-*%~^]|\b(?:return|case|typeof|in|of))$/;

/** Replaces every token of these kinds by spaces. A scanner, because braces must be counted through templates. */
function blank(source: string, kinds: readonly Kind[]): string {
  let result = '';
  let at = 0;
  /** For every open brace: whether it is a template's substitution. */
  const braces: boolean[] = [];

  function take(form: RegExp, kind: Kind): string | undefined {
    form.lastIndex = at;
    const token = form.exec(source)?.[0];
    if (token === undefined) return undefined;
    result += kinds.includes(kind) ? token.replace(/[^\n]/g, ' ') : token;
    at += token.length;
    return token;
  }

  while (at < source.length) {
    const character = source.charAt(at);
    const endsSubstitution = character === '}' && braces.at(-1) === true;
    if (character === '`' || endsSubstitution) {
      const part = take(templatePart, 'text');
      if (endsSubstitution) braces.pop();
      if (part?.endsWith('${')) braces.push(true);
      if (part !== undefined) continue;
    }
    if (take(comment, 'comment') !== undefined || take(quoted, 'text') !== undefined) continue;
    const maybeExpression = character === '/' && beforeRegularExpression.test(result.trimEnd().slice(-12));
    if (maybeExpression && take(regularExpression, 'text') !== undefined) continue;
    if (character === '{') braces.push(false);
    if (character === '}') braces.pop();
    result += character;
    at += 1;
  }
  return result;
}
