import { createInterface } from 'node:readline';
import type { Terminal } from './terminal.ts';

/** Asks on stderr and reads one line of stdin, typed or piped; undefined: there is none. */
export async function ask(
  { stdin, stderr }: Pick<Terminal, 'stdin' | 'stderr'>,
  question: string,
): Promise<string | undefined> {
  stderr.write(question);
  const lines = createInterface({ input: stdin, terminal: false });
  try {
    for await (const line of lines) return line.trim();
    return undefined;
  } finally {
    lines.close();
  }
}
