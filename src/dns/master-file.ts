import type { Result } from '../base/result.ts';
import { failure, success } from '../base/result.ts';
import { itemsOfStep, runAtOnce, type Steps } from '../base/steps.ts';
import { type MasterFileEntry, masterFileEntries } from './master-file-tokens.ts';
import type { Token } from './rdata/field.ts';
import { parseRdata } from './rdata/rdata-text.ts';
import { isMetaType, parseClass, parseType, recordClass, recordType, renderType } from './record-type.ts';
import { longestTimeToLive, parseTimeToLive } from './time-to-live.ts';
import { parseName, type WireName } from './wire-name.ts';

/** A record as a master file gives it, and where. */
export interface MasterRecord {
  readonly owner: WireName;
  readonly type: number;
  /** Seconds, 0 to 2^31 − 1. */
  readonly ttl: number;
  readonly rdata: Uint8Array;
  readonly file: string;
  readonly line: number;
}

/** What is wrong in a line: what was expected and what came. */
export interface MasterFileMistake {
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

export interface IncludedFile {
  /** Its name in mistakes, and what tells it from other files. */
  readonly file: string;
  readonly text: string;
}

export interface MasterFileSource extends IncludedFile {
  /** What relative names are relative to until `$ORIGIN` says otherwise. */
  readonly origin: WireName;
  /** The file that `$INCLUDE name` means in the file `from`. Absent: `$INCLUDE` is a mistake. */
  readonly readInclude?: (name: string, from: string) => Result<IncludedFile>;
}

/** Mistakes that are shown; a file that is no zone file would have one in every line. */
export const mostMistakes = 100;
/** A file that includes a file that includes a file. */
const deepestInclude = 8;

/** `FILE:LINE: message`. */
export function renderMistake({ file, line, message }: MasterFileMistake): string {
  return `${file}:${line}: ${message}`;
}

/**
 * The records of a master file (RFC 1035 section 5, RFC 2308 section 4, RFC 3597), class IN only, in their order; or all
 * mistakes, at most `mostMistakes`.
 */
export function parseMasterFile(
  source: MasterFileSource,
): Result<readonly MasterRecord[], readonly MasterFileMistake[]> {
  const { records, mistakes } = runAtOnce(masterFileSteps(source));
  return mistakes.length === 0 ? success(records) : failure(mistakes);
}

/** What a master file says, as far as it could be read. */
export interface MasterFileReading {
  readonly records: readonly MasterRecord[];
  /** At most `mostMistakes`: what comes behind that many was not read. */
  readonly mistakes: readonly MasterFileMistake[];
  /** An origin could not be read, so that names behind it may be others than were meant. */
  readonly isAstray: boolean;
}

/** parseMasterFile, to be interrupted, and with what could be read beside mistakes. */
export function* masterFileSteps(source: MasterFileSource): Steps<MasterFileReading> {
  const reading: Reading = { records: [], mistakes: [], isAstray: false, readInclude: source.readInclude };
  const { origin } = source;
  const surroundings = { origin, owner: undefined, isOwnerLost: false, ttl: undefined, lastTtl: undefined };
  yield* readFile(reading, source, surroundings, []);
  const { records, mistakes, isAstray } = reading;
  return { records, mistakes: mistakes.slice(0, mostMistakes), isAstray };
}

interface Reading {
  readonly records: MasterRecord[];
  readonly mistakes: MasterFileMistake[];
  isAstray: boolean;
  readonly readInclude: MasterFileSource['readInclude'];
}

/** What a line means depends on those before it. */
interface Surroundings {
  origin: WireName;
  owner: WireName | undefined;
  /** The last record that named its owner could not be read: those that go on with it are nobody's. */
  isOwnerLost: boolean;
  /** Of `$TTL`. */
  ttl: number | undefined;
  /** RFC 1035 section 5.1: without `$TTL`, that of the record before. */
  lastTtl: number | undefined;
}

interface Place {
  readonly reading: Reading;
  readonly surroundings: Surroundings;
  readonly file: string;
  /** The files that are being read, outermost first. */
  readonly open: readonly string[];
}

function* readFile(
  reading: Reading,
  { file, text }: IncludedFile,
  surroundings: Surroundings,
  outer: readonly string[],
): Steps<undefined> {
  const entries = masterFileEntries(text, ({ line, message }) => {
    reading.mistakes.push({ file, line, message });
    surroundings.isOwnerLost = true;
  });
  let count = 0;
  const place = { reading, surroundings, file, open: [...outer, file] };
  for (const entry of entries) {
    if (reading.mistakes.length >= mostMistakes) return undefined;
    const [first] = entry.tokens;
    const isDirective = !entry.startsBlank && first?.text.startsWith('$') === true && !first.isQuoted;
    const done = isDirective ? yield* readDirective(place, entry) : readRecord(place, entry);
    if (!done.ok) reading.mistakes.push({ file, line: entry.line, message: done.error });
    if (!done.ok && first?.text.toUpperCase() === '$ORIGIN') reading.isAstray = true;
    count += 1;
    if (count % itemsOfStep === 0) yield;
  }
  return undefined;
}

function* readDirective(place: Place, { tokens }: MasterFileEntry): Steps<Result<undefined>> {
  const [directive = '', first, second, third] = tokens.map(({ text }) => text);
  switch (directive.toUpperCase()) {
    case '$ORIGIN':
      return second === undefined ? setOrigin(place, first) : surplus(directive, second);
    case '$TTL':
      return second === undefined ? setTtl(place, first) : surplus(directive, second);
    case '$INCLUDE':
      return third === undefined ? yield* include(place, first, second) : surplus(directive, third);
    default:
      return failure(`expected $ORIGIN, $TTL or $INCLUDE, got ${JSON.stringify(directive)}`);
  }
}

function surplus(directive: string, word: string): Result<undefined> {
  return failure(`expected the end of ${directive}, got ${JSON.stringify(word)}`);
}

function setOrigin({ surroundings }: Place, text: string | undefined): Result<undefined> {
  if (text === undefined) return failure('expected a domain name after $ORIGIN, got nothing');
  const origin = ownerName(text, surroundings.origin);
  if (!origin.ok) return origin;
  surroundings.origin = origin.value;
  return success(undefined);
}

function setTtl({ surroundings }: Place, text: string | undefined): Result<undefined> {
  const ttl = boundedTtl(text ?? '');
  if (ttl === undefined) return failure(`expected a TTL, 0 to ${longestTimeToLive}, got ${JSON.stringify(text ?? '')}`);
  surroundings.ttl = ttl;
  return success(undefined);
}

/** RFC 1035 section 5.1: origin and owner of the included file do not reach back into this one. */
function* include(place: Place, name: string | undefined, originText: string | undefined): Steps<Result<undefined>> {
  const { reading, surroundings, file, open } = place;
  if (name === undefined) return failure('expected a file name after $INCLUDE, got nothing');
  if (reading.readInclude === undefined) return failure('expected no $INCLUDE, which is not read here');
  if (open.length > deepestInclude) return failure(`expected $INCLUDE at most ${deepestInclude} deep`);
  const origin = originText === undefined ? success(surroundings.origin) : ownerName(originText, surroundings.origin);
  if (!origin.ok) return origin;
  const included = reading.readInclude(name, file);
  if (!included.ok) return included;
  if (open.includes(included.value.file)) return failure(`expected a file that does not include this one, got ${name}`);
  yield* readFile(reading, included.value, { ...surroundings, origin: origin.value }, open);
  return success(undefined);
}

function readRecord(place: Place, { tokens, startsBlank }: MasterFileEntry): Result<undefined> {
  const { surroundings, reading, file } = place;
  const owner = startsBlank ? success(surroundings.owner) : ownerName(tokens[0]?.text ?? '', surroundings.origin);
  if (!startsBlank) surroundings.isOwnerLost = !owner.ok;
  if (!owner.ok) return owner;
  if (owner.value === undefined && !surroundings.isOwnerLost) {
    return failure('expected an owner name before the first record, got a blank');
  }
  surroundings.owner = owner.value;
  const head = readHead(tokens, startsBlank ? 0 : 1);
  if (!head.ok) return head;
  const { type, next } = head.value;
  const words = { tokens: tokens.slice(next), origin: surroundings.origin };
  const rdata = parseRdata(type, words);
  if (!rdata.ok) return failure(`${renderType(type)}: ${rdata.error}`);
  const ttl = head.value.ttl ?? surroundings.ttl ?? surroundings.lastTtl ?? negativeTtl(type, rdata.value);
  if (ttl === undefined) return failure('expected a TTL or $TTL before the first record, got none');
  surroundings.lastTtl = ttl;
  const line = tokens[0]?.line ?? 0;
  if (owner.value !== undefined && !surroundings.isOwnerLost) {
    reading.records.push({ owner: owner.value, type, ttl, rdata: rdata.value, file, line });
  }
  return success(undefined);
}

interface RecordHead {
  readonly type: number;
  readonly ttl: number | undefined;
  /** The first word of the data. */
  readonly next: number;
}

/** `[TTL] [class] type` or `[class] [TTL] type`. */
function readHead(tokens: readonly Token[], start: number): Result<RecordHead> {
  let ttl: number | undefined;
  let hasClass = false;
  for (let at = start; ; at += 1) {
    const token = tokens[at];
    const text = token?.isQuoted === true ? '' : (token?.text ?? '');
    const type = parseType(text);
    if (type !== undefined) return isData(type) ? success({ type, ttl, next: at + 1 }) : failure(notData(type));
    const recordsClass = hasClass ? undefined : parseClass(text);
    if (recordsClass !== undefined && recordsClass !== recordClass.IN) return failure(`expected class IN, got ${text}`);
    if (recordsClass !== undefined) {
      hasClass = true;
      continue;
    }
    const isTtl = ttl === undefined && parseTimeToLive(text) !== undefined;
    if (!isTtl) return failure(`expected ${expectedHead(ttl !== undefined, hasClass)}, got ${shown(token)}`);
    ttl = boundedTtl(text);
    if (ttl === undefined) return failure(`expected a TTL, 0 to ${longestTimeToLive}, got ${text}`);
  }
}

function isData(type: number): boolean {
  return !isMetaType(type) && type !== recordType.RRSIG && type !== recordType.NSEC && type !== recordType.NSEC3;
}

function notData(type: number): string {
  const isSignature = !isMetaType(type);
  return isSignature
    ? `expected data that is signed when it is asked for, got ${renderType(type)}`
    : `expected a type of data, got ${renderType(type)}, which no zone has`;
}

function expectedHead(hasTtl: boolean, hasClass: boolean): string {
  return [...(hasTtl ? [] : ['a TTL']), ...(hasClass ? [] : ['a class']), 'a type'].join(' or ');
}

function shown(token: Token | undefined): string {
  return token === undefined ? 'the end of the record' : JSON.stringify(token.text);
}

function ownerName(text: string, origin: WireName): Result<WireName> {
  return text === '@' ? success(origin) : parseName(text, origin);
}

function boundedTtl(text: string): number | undefined {
  const ttl = parseTimeToLive(text);
  return ttl === undefined || ttl > longestTimeToLive ? undefined : ttl;
}

/** A zone file without any TTL takes that of its SOA, as BIND and Knot do. */
function negativeTtl(type: number, rdata: Uint8Array): number | undefined {
  if (type !== recordType.SOA) return undefined;
  const seconds = new DataView(rdata.buffer, rdata.byteOffset).getUint32(rdata.length - 4);
  return Math.min(seconds, longestTimeToLive);
}
