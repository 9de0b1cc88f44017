import type { Token } from './rdata/field.ts';

/** The words of one record or directive, which parentheses may spread over several lines. */
export interface MasterFileEntry {
  /** Of its first word, counted from 1. */
  readonly line: number;
  /** RFC 1035 section 5.1: an entry that begins with a blank has the owner of the one before it. */
  readonly startsBlank: boolean;
  readonly tokens: readonly Token[];
}

export interface TokenMistake {
  readonly line: number;
  readonly message: string;
}

/** The entries of a master file, one by one. A mistake costs the entry that it is in; the next line begins afresh. */
export function* masterFileEntries(
  text: string,
  onMistake: (mistake: TokenMistake) => void,
): Generator<MasterFileEntry, undefined> {
  const scan: Scan = {
    onMistake,
    tokens: [],
    depth: 0,
    openLine: 0,
    startsBlank: false,
    isSpoilt: false,
  };
  let line = 1;
  for (let at = text.startsWith('\uFEFF') ? 1 : 0; at <= text.length; line += 1) {
    const newLine = text.indexOf('\n', at);
    const end = newLine < 0 ? text.length : newLine;
    const content = text.slice(at, text[end - 1] === '\r' && end > at ? end - 1 : end);
    if (scan.depth === 0) {
      const entry = closeEntry(scan);
      if (entry !== undefined) yield entry;
      scan.startsBlank = content.startsWith(' ') || content.startsWith('\t');
    }
    scanLine(scan, content, line);
    at = end + 1;
  }
  if (scan.depth > 0) spoil(scan, scan.openLine, 'expected ) for the ( in this line, got the end of the file');
  const last = closeEntry(scan);
  if (last !== undefined) yield last;
}

interface Scan {
  readonly onMistake: (mistake: TokenMistake) => void;
  tokens: Token[];
  depth: number;
  openLine: number;
  startsBlank: boolean;
  isSpoilt: boolean;
}

/** A word goes to the next blank, parenthesis, comment or quote; a quote after `=` belongs to it (RFC 9460 appendix A). */
const wordForm = /(?:="(?:\\.|[^"\\])*"|\\.|[^\s();"\\])+|\\$/suy;
const quotedForm = /"((?:\\.|[^"\\])*)"/suy;

function scanLine(scan: Scan, content: string, line: number): void {
  for (let at = 0; at < content.length; ) {
    const character = content[at];
    if (character === ';') return;
    if (character === '(' || character === ')') {
      turn(scan, character, line);
      at += 1;
    } else if (character === ' ' || character === '\t' || character === '\r' || character === '\f') {
      at += 1;
    } else {
      const form = character === '"' ? quotedForm : wordForm;
      form.lastIndex = at;
      const match = form.exec(content);
      if (match === null) {
        spoil(
          scan,
          line,
          character === '"' ? 'expected a closing quote in this line, got none' : badCharacter(character),
        );
        return;
      }
      const isQuoted = character === '"';
      scan.tokens.push({ text: (isQuoted ? match[1] : match[0]) ?? '', isQuoted, line });
      at = form.lastIndex;
    }
  }
}

function turn(scan: Scan, parenthesis: '(' | ')', line: number): void {
  if (parenthesis === '(') {
    if (scan.depth === 0) scan.openLine = line;
    scan.depth += 1;
  } else if (scan.depth === 0) {
    spoil(scan, line, 'expected ( before ), got ) alone');
  } else {
    scan.depth -= 1;
  }
}

/** What is left of the entry would be misread: it is dropped, and its parentheses with it. */
function spoil(scan: Scan, line: number, message: string): void {
  if (!scan.isSpoilt) scan.onMistake({ line, message });
  scan.isSpoilt = true;
}

function closeEntry(scan: Scan): MasterFileEntry | undefined {
  const { tokens, startsBlank, isSpoilt } = scan;
  const [first] = tokens;
  scan.isSpoilt = false;
  if (first === undefined) return undefined;
  scan.tokens = [];
  return isSpoilt ? undefined : { line: first.line, startsBlank, tokens };
}

function badCharacter(character: string | undefined): string {
  return `expected a word, got ${JSON.stringify(character)}`;
}
