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
  return blank(source, (token) => token.startsWith('//') || token.startsWith('/*'));
}

/** The source with comments, strings and regular expressions blanked: what is left is code. */
export function codeOf(source: string): string {
  return blank(source, () => true);
}

/**
 * Comments, quoted strings, template texts (not what stands in `${…}`) and regular expressions. A `/` begins a regular
 * expression after an operator, an opening bracket or a keyword, and divides after anything else.
 */
const tokens =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|\$(?!\{)|[^`\\$])*(?:`|\$\{)|(?<=(?:^|[=(,:;[!&|?{}<>+\-*%~^\n]|\breturn|\bcase)\s*)\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n*[])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])*\/[dgimsuvy]*/g;

function blank(source: string, isBlanked: (token: string) => boolean): string {
  return source.replace(tokens, (token) => (isBlanked(token) ? token.replace(/[^\n]/g, ' ') : token));
}
