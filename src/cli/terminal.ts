import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { createStyle, type Style } from './style.ts';

/** Everything a command may touch of the process that it runs in. */
export interface Terminal {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Colour for stdout. */
  readonly style: Style;
  /** Stderr is a terminal whose lines can be redrawn. */
  readonly canRedraw: boolean;
  /** Characters in one line of stderr. */
  readonly columns: number;
}

/** The terminal of this process. A reader of stdout that goes away (`| head`) ends the process quietly. */
export function processTerminal(): Terminal {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    environment: process.env,
    style: createStyle(hasColour(process.stdout, process.env)),
    canRedraw: process.stderr.isTTY === true && process.env['TERM'] !== 'dumb',
    columns: process.stderr.columns || 80,
  };
}

/** Writes and waits until the reader keeps up. */
export async function write(stream: Writable, text: string): Promise<void> {
  if (!stream.write(text)) await once(stream, 'drain');
}

/** One line of JSON on stdout. */
export function writeJson(terminal: Terminal, value: unknown): Promise<void> {
  return write(terminal.stdout, `${JSON.stringify(value)}\n`);
}

/** Resolves when all that was written has left the process. */
export function flush(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed || stream.writableLength === 0) resolve();
    else stream.write('', () => resolve());
  });
}

/** Colour is for terminals, and never where NO_COLOR is set (no-color.org: present and not empty). */
export function hasColour(
  stream: { readonly isTTY?: boolean },
  environment: Readonly<Record<string, string | undefined>>,
): boolean {
  return stream.isTTY === true && !environment['NO_COLOR'] && environment['TERM'] !== 'dumb';
}
