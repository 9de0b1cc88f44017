import { failure, type Result, success } from '../base/result.ts';

export interface Line {
  readonly text: string;
  /** Counts from 1. */
  readonly number: number;
}

/** An MQTT string has at most 65 535 bytes (MQTT 5 section 1.5.4); a longer line is no identity of a device. */
const maxLineBytes = 65_535;
const newline = 0x0a;
const carriageReturn = 0x0d;

/**
 * Splits a byte stream into lines, one batch for every chunk that came, so that the reader sets the pace. LF or CRLF;
 * the last line needs no end. A line that is empty, too long or not UTF-8 ends the reading after the lines before it.
 */
export async function* readLines(input: AsyncIterable<Buffer | string>): AsyncGenerator<Result<readonly Line[]>> {
  let rest: Buffer = Buffer.alloc(0);
  let number = 0;
  for await (const chunk of input) {
    const bytes = Buffer.concat([rest, typeof chunk === 'string' ? Buffer.from(chunk) : chunk]);
    const end = bytes.lastIndexOf(newline) + 1;
    rest = bytes.subarray(end);
    const { lines, error } = parseLines(bytes.subarray(0, end), number);
    number += lines.length;
    if (lines.length > 0) yield success(lines);
    const problem = error ?? (rest.length > maxLineBytes ? tooLong(number + 1) : undefined);
    if (problem !== undefined) return yield failure(problem);
  }
  if (rest.length === 0) return;
  const last = parseLine(rest, number + 1);
  yield last.ok ? success([last.value]) : last;
}

function parseLines(bytes: Buffer, before: number): { readonly lines: readonly Line[]; readonly error?: string } {
  const lines: Line[] = [];
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(newline, start);
    const line = parseLine(bytes.subarray(start, end), before + lines.length + 1);
    if (!line.ok) return { lines, error: line.error };
    lines.push(line.value);
    start = end + 1;
  }
  return { lines };
}

function parseLine(bytes: Buffer, number: number): Result<Line> {
  const body = bytes.at(-1) === carriageReturn ? bytes.subarray(0, -1) : bytes;
  if (body.length === 0) return failure(`line ${number} is empty: expected the identity of one device a line`);
  if (body.length > maxLineBytes) return failure(tooLong(number));
  const text = body.toString('utf8');
  if (text.includes('\ufffd') && !Buffer.from(text).equals(body)) return failure(`line ${number} is not UTF-8`);
  return success({ text, number });
}

function tooLong(number: number): string {
  return `line ${number} is longer than ${maxLineBytes} bytes, the most that MQTT allows`;
}
