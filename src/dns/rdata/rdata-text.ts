import { failure, type Result, success } from '../../base/result.ts';
import { renderType } from '../record-type.ts';
import { digestLengthProblem } from './digest-length.ts';
import { type RdataWords, unexpected } from './field.ts';
import { rdataFields } from './formats.ts';

const longestRdataOctets = 65_535;

/**
 * The wire form of a record's data. `\# LENGTH HEX` (RFC 3597 section 5) does for every type and is held to the type's
 * form where that is known. The error says what was expected and what came.
 */
export function parseRdata(type: number, words: RdataWords): Result<Uint8Array> {
  const [first] = words.tokens;
  const parsed = first?.text === '\\#' && !first.isQuoted ? parseGeneric(type, words) : parseFields(type, words);
  if (!parsed.ok) return parsed;
  const problem = digestLengthProblem(type, parsed.value);
  if (problem !== undefined) return failure(problem);
  if (parsed.value.length <= longestRdataOctets) return parsed;
  return failure(`expected at most ${longestRdataOctets} octets of data, got ${parsed.value.length}`);
}

/** Presentation form with absolute names; `\# LENGTH HEX` where the type is unknown or the octets are not of its form. */
export function renderRdata(type: number, rdata: Uint8Array): string {
  return renderFields(type, rdata) ?? renderGeneric(rdata);
}

function parseFields(type: number, words: RdataWords): Result<Uint8Array> {
  const fields = rdataFields(type);
  if (fields === undefined) return failure(unexpected(`\\# and ${renderType(type)} data in hex`, words, 0));
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const field of fields) {
    const parsed = field.parse(words, at);
    if (!parsed.ok) return parsed;
    parts.push(parsed.value.octets);
    at = parsed.value.next;
  }
  if (at < words.tokens.length) return failure(unexpected('the end of the record', words, at));
  return success(Uint8Array.from(Buffer.concat(parts)));
}

function parseGeneric(type: number, words: RdataWords): Result<Uint8Array> {
  const length = words.tokens[1]?.text ?? '';
  if (!/^\d{1,5}$/.test(length)) return failure(unexpected('the length of the data', words, 1));
  const digits = words.tokens
    .slice(2)
    .map((token) => token.text)
    .join('');
  if (!/^(?:[0-9a-f]{2})*$/i.test(digits)) return failure(unexpected('hexadecimal data', words, 2));
  if (digits.length !== 2 * Number(length)) {
    return failure(`expected ${length} octets of data, got ${digits.length / 2}`);
  }
  const rdata = Uint8Array.from(Buffer.from(digits, 'hex'));
  if (rdataFields(type) !== undefined && renderFields(type, rdata) === undefined) {
    return failure(`expected the wire form of ${renderType(type)} data, got ${JSON.stringify(digits)}`);
  }
  return success(rdata);
}

function renderFields(type: number, rdata: Uint8Array): string | undefined {
  const fields = rdataFields(type);
  if (fields === undefined) return undefined;
  const texts: string[] = [];
  let at = 0;
  for (const field of fields) {
    const rendered = field.render(rdata, at);
    if (rendered === undefined) return undefined;
    if (rendered.text !== '') texts.push(rendered.text);
    at = rendered.next;
  }
  return at === rdata.length ? texts.join(' ') : undefined;
}

function renderGeneric(rdata: Uint8Array): string {
  const digits = Buffer.from(rdata).toString('hex').toUpperCase();
  return rdata.length === 0 ? '\\# 0' : `\\# ${rdata.length} ${digits}`;
}
