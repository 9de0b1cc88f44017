import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { systemErrorCode } from '../base/errors.ts';
import { failure, type Result, success } from '../base/result.ts';

/** Where the loader reads the world; tests inject their own. */
export interface ConfigurationSource {
  /** An environment variable; undefined when it is not set. */
  variable(name: string): string | undefined;
  /** A file's content, at most `maxBytes`; the error says why not, without the path. */
  readFile(path: string, maxBytes: number): Result<Uint8Array>;
  /** What `workers: auto` stands for. */
  readonly cores: number;
}

/** The process environment and the file system. */
export function createSystemSource(): ConfigurationSource {
  return {
    variable: (name) => process.env[name],
    readFile: readBoundedFile,
    cores: availableParallelism(),
  };
}

/** Reads text and refuses what is not UTF-8. A leading byte order mark is dropped. */
export function readText(source: ConfigurationSource, path: string, maxBytes: number): Result<string> {
  const content = source.readFile(path, maxBytes);
  if (!content.ok) return content;
  try {
    return success(new TextDecoder('utf-8', { fatal: true }).decode(content.value));
  } catch {
    return failure('it is not UTF-8 text');
  }
}

const reasonByCode: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EISDIR: 'it is a directory',
  ENOTDIR: 'a part of the path is not a directory',
  ELOOP: 'too many symbolic links',
  ENAMETOOLONG: 'the path is too long',
};

function readBoundedFile(path: string, maxBytes: number): Result<Uint8Array> {
  try {
    // One that nobody writes to would hold up the process for ever; a shell's <(…) has its writer already.
    if (statSync(path).isFIFO() && !/^\/(dev|proc)\//.test(path)) return failure('it is a named pipe');
    const file = openSync(path, 'r');
    try {
      return readOpenFile(file, maxBytes);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    const code = systemErrorCode(error) ?? 'it cannot be read';
    return failure(reasonByCode[code] ?? code);
  }
}

/** In pieces up to the bound, so that a device file or a pipe is bounded too. */
function readOpenFile(file: number, maxBytes: number): Result<Uint8Array> {
  const pieces: Buffer[] = [];
  let total = 0;
  for (;;) {
    const piece = Buffer.allocUnsafe(65_536);
    const bytes = readSync(file, piece);
    if (bytes === 0) return success(Buffer.concat(pieces, total));
    total += bytes;
    if (total > maxBytes) return failure(`it is larger than ${maxBytes} bytes`);
    pieces.push(piece.subarray(0, bytes));
  }
}
