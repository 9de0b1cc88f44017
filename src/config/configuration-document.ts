import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  Scalar,
  visit,
} from 'yaml';
import { errorMessage } from '../base/errors.ts';
import { failure, type Result, success } from '../base/result.ts';
import type { ConfigurationPath, PathStep } from './configuration-mistake.ts';
import { type SubstitutionValues, substitute } from './substitution.ts';

export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A sentence and its place in the file. */
export interface DocumentMistake extends Position {
  readonly message: string;
}

/** Aliases (`*name`) of one document; more are refused, so that a small file cannot become a large value. */
const maxAliases = 100;

/** The parsed YAML text: its value after substitution, and the place of every path. */
export class ConfigurationDocument {
  readonly #document: Document;
  readonly #lines: LineCounter;
  /** Scalars that took a variable or a file, with the text as it was written. */
  readonly #substituted = new Map<Node, string>();

  private constructor(document: Document, lines: LineCounter) {
    this.#document = document;
    this.#lines = lines;
  }

  /** Parses YAML 1.2; every syntax mistake comes back at once. Duplicate keys and unknown tags are mistakes. */
  static parse(text: string): Result<ConfigurationDocument, readonly DocumentMistake[]> {
    const lines = new LineCounter();
    try {
      const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, version: '1.2', schema: 'core' });
      const mistakes = [
        ...[...document.errors, ...document.warnings].map(({ pos, message, code }) => ({
          ...positionAt(lines, pos[0]),
          message: syntaxMessage(code, message, text.slice(Math.max(0, pos[0] - 1), pos[0] + 1)),
        })),
        ...structureMistakes(document as Document, lines),
      ];
      if (mistakes.length > 0) return failure(mistakes);
      return success(new ConfigurationDocument(document as Document, lines));
    } catch (error) {
      return failure([{ line: 1, column: 1, message: unreadableYaml(error) }]);
    }
  }

  /** Substitutes in every scalar value; keys and comments stay. Call once, before `value`. */
  substitute(values: SubstitutionValues): readonly DocumentMistake[] {
    const mistakes: DocumentMistake[] = [];
    visit(this.#document, {
      Scalar: (key, node) => {
        if (key === 'key' || typeof node.value !== 'string' || !node.value.includes('${')) return;
        const { text, substituted, mistakes: found } = substitute(node.value, values);
        for (const message of found) mistakes.push({ ...positionAt(this.#lines, node.range?.[0] ?? 0), message });
        if (substituted || found.length > 0) this.#substituted.set(node, node.value);
        node.value = text;
      },
    });
    return mistakes;
  }

  /** The document as plain data. */
  value(): Result<unknown, DocumentMistake> {
    try {
      return success(this.#document.toJS({ maxAliasCount: maxAliases }));
    } catch (error) {
      return failure({ line: 1, column: 1, message: unreadableYaml(error) });
    }
  }

  /** The text as written of a scalar that something was substituted into, or undefined. */
  substitutedText(path: ConfigurationPath): string | undefined {
    const { node, isWhole } = this.#find(path);
    return isWhole && node !== undefined ? this.#substituted.get(node) : undefined;
  }

  /** True where a substituted scalar was written without quotes: it may become a number or a boolean. */
  isPlainSubstitution(path: ConfigurationPath): boolean {
    const { node, isWhole } = this.#find(path);
    return isWhole && isScalar(node) && node.type === Scalar.PLAIN && this.#substituted.has(node);
  }

  /** Where the value (or its key) stands; for what is missing, where its nearest parent stands. */
  position(path: ConfigurationPath, atKey = false): Position {
    const { node, key, isWhole } = this.#find(path);
    const place = (atKey || !isWhole) && key !== undefined ? key : node;
    return positionAt(this.#lines, place?.range?.[0] ?? 0);
  }

  #find(path: ConfigurationPath): { node: Node | undefined; key: Node | undefined; isWhole: boolean } {
    let node: Node | undefined = this.#document.contents ?? undefined;
    let key: Node | undefined;
    for (const step of path) {
      const child = childOf(this.#resolve(node), step);
      if (child === undefined) return { node, key, isWhole: false };
      ({ node, key } = child);
    }
    return { node: this.#resolve(node), key, isWhole: true };
  }

  #resolve(node: Node | undefined): Node | undefined {
    return isAlias(node) ? (node.resolve(this.#document) ?? node) : node;
  }
}

function childOf(
  node: Node | undefined,
  step: PathStep,
): { node: Node | undefined; key: Node | undefined } | undefined {
  if (isSeq<Node>(node) && typeof step === 'number') {
    const item = node.items[step];
    return item === undefined ? undefined : { node: item, key: undefined };
  }
  if (!isMap<Node, Node | null>(node)) return undefined;
  const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
  if (pair === undefined) return undefined;
  return { node: pair.value ?? pair.key, key: pair.key };
}

/** What YAML allows and a configuration cannot mean: keys without a place in a path, aliases of nothing, too many of them. */
function structureMistakes(document: Document, lines: LineCounter): readonly DocumentMistake[] {
  const mistakes: DocumentMistake[] = [];
  const report = (node: unknown, message: string) => {
    mistakes.push({ ...positionAt(lines, isNode(node) ? (node.range?.[0] ?? 0) : 0), message });
  };
  let aliases = 0;
  visit(document, {
    Pair: (_, { key }) => {
      if (!isScalar(key)) report(key, 'expected a key of plain text, got a list, mapping or alias');
    },
    Alias: (_, node) => {
      aliases += 1;
      if (aliases > maxAliases) {
        report(node, `expected at most ${maxAliases} aliases, got more`);
        return visit.BREAK;
      }
      if (node.resolve(document) === undefined) {
        report(
          node,
          'expected an alias (*name) of an anchor (&name) above it, got no such anchor; text that begins with * needs quotes',
        );
      }
      return undefined;
    },
  });
  return mistakes;
}

/** The reader's own words without what it quotes: that may be a piece of a secret. */
function syntaxMessage(code: string, message: string, around: string): string {
  if (code === 'DUPLICATE_KEY') return 'expected every key once in a mapping, got this one again';
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the configuration's own ${…}
  if (around === '${') return 'expected ${…} to be in quotes inside { } and [ ], got it bare';
  return `expected YAML: ${message.replace(/(:| \\|\n)[\s\S]*$/, '')}`;
}

function positionAt(lines: LineCounter, offset: number): Position {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

function unreadableYaml(error: unknown): string {
  if (error instanceof RangeError) return 'expected YAML, got lists or mappings nested too deeply to read';
  if (error instanceof ReferenceError) return 'expected aliases that are not in each other, got more than can be read';
  return `expected YAML: ${errorMessage(error)}`;
}
