import { CommanderError } from 'commander';
import { errorMessage } from '../base/errors.ts';
import { CommandFailure } from './command-failure.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import { createProgram } from './program.ts';
import { flush, processTerminal, type Terminal, write } from './terminal.ts';

/** Runs one command line (without the program's own name) and ends the process with its exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  const terminal = processTerminal();
  const exitCode = await runCommandLine(argv, terminal);
  await flush(terminal.stdout);
  process.exit(exitCode);
}

/** The same without ending the process: the exit code comes back. */
export async function runCommandLine(argv: readonly string[], terminal: Terminal): Promise<number> {
  let exitCode: number = exitCodes.done;
  const program = createProgram(terminal, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    return reportFailure(error, terminal);
  }
}

async function reportFailure(error: unknown, { stderr }: Terminal): Promise<ExitCode> {
  // Commander has printed its own message by now; help and version end with 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
  await write(stderr, `crossfade: ${errorMessage(error)}\n`);
  if (!(error instanceof CommandFailure)) return exitCodes.failed;
  if (error.nextStep !== undefined) await write(stderr, `  ${error.nextStep}\n`);
  return error.exitCode;
}
