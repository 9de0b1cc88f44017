import type { Terminal } from './terminal.ts';

/** What a command needs: the terminal, and a place for an exit code that is no failure of the command itself. */
export interface CommandContext {
  readonly terminal: Terminal;
  readonly setExitCode: (code: number) => void;
}
