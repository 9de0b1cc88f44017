/** One line of a CSV file (RFC 4180). A quoted field ends on its line: a stray quote costs one row, not the file. */
export type CsvRow =
  | { readonly line: number; readonly fields: readonly string[] }
  /** `fields`: those before the fault. */
  | { readonly line: number; readonly fields: readonly string[]; readonly fault: string };

/** Client ID and filter have 65 535 bytes each at most, and quotes may double them. */
const maxLineBytes = 270_000;
const newline = 0x0a;
const carriageReturn = 0x0d;
const byteOrderMark = '\ufeff';

/**
 * Splits a byte stream into rows, one batch for every chunk that came, so that the reader sets the pace. LF or CRLF; the
 * last line needs no end, and empty ones are passed over. A line that cannot be read is a row with a fault.
 */
export async function* readCsvRows(input: AsyncIterable<Buffer | string>): AsyncGenerator<readonly CsvRow[]> {
  let rest: Buffer = Buffer.alloc(0);
  let line = 0;
  /** The line that is being read is too long: its end is looked for, and nothing of it kept. */
  let isSkipping = false;
  for await (const chunk of input) {
    let bytes = Buffer.concat([rest, typeof chunk === 'string' ? Buffer.from(chunk) : chunk]);
    const rows: CsvRow[] = [];
    for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline)) {
      line += 1;
      rows.push(...(isSkipping ? [tooLong(line)] : parseLine(bytes.subarray(0, end), line)));
      isSkipping = false;
      bytes = bytes.subarray(end + 1);
    }
    isSkipping ||= bytes.length > maxLineBytes;
    rest = isSkipping ? Buffer.alloc(0) : bytes;
    if (rows.length > 0) yield rows;
  }
  if (isSkipping) yield [tooLong(line + 1)];
  else if (rest.length > 0) yield parseLine(rest, line + 1);
}

function parseLine(bytes: Buffer, line: number): readonly CsvRow[] {
  if (bytes.length > maxLineBytes) return [tooLong(line)];
  const body = bytes.at(-1) === carriageReturn ? bytes.subarray(0, -1) : bytes;
  const decoded = body.toString('utf8');
  if (decoded.includes('\ufffd') && !Buffer.from(decoded).equals(body)) {
    return [{ line, fields: [], fault: 'the line is not UTF-8' }];
  }
  const text = line === 1 && decoded.startsWith(byteOrderMark) ? decoded.slice(1) : decoded;
  return text === '' ? [] : [parseFields(text, line)];
}

function parseFields(text: string, line: number): CsvRow {
  const fields: string[] = [];
  let at = 0;
  for (;;) {
    const isQuoted = text[at] === '"';
    const field = isQuoted ? quotedField(text, at) : plainField(text, at);
    if (field === undefined) return { line, fields, fault: 'a quoted field has no end, or something after it' };
    fields.push(field.value);
    if (field.end >= text.length) return { line, fields };
    at = field.end + 1;
  }
}

interface Field {
  readonly value: string;
  /** Of the comma behind it, or of the line. */
  readonly end: number;
}

function plainField(text: string, at: number): Field {
  const comma = text.indexOf(',', at);
  const end = comma < 0 ? text.length : comma;
  return { value: text.slice(at, end), end };
}

function quotedField(text: string, at: number): Field | undefined {
  const match = /"((?:[^"]|"")*)"(?=,|$)/y;
  match.lastIndex = at;
  const [whole, value] = match.exec(text) ?? [];
  return whole === undefined || value === undefined
    ? undefined
    : { value: value.replaceAll('""', '"'), end: at + whole.length };
}

function tooLong(line: number): CsvRow {
  return { line, fields: [], fault: `the line is longer than ${maxLineBytes} bytes` };
}
