import { type ExitCode, exitCodes } from './exit-codes.ts';

/** Ends a command with an exit code; `nextStep` tells the operator what to do about it. */
export class CommandFailure extends Error {
  readonly exitCode: ExitCode;
  readonly nextStep: string | undefined;

  constructor(exitCode: ExitCode, message: string, nextStep?: string) {
    super(message);
    this.name = 'CommandFailure';
    this.exitCode = exitCode;
    this.nextStep = nextStep;
  }
}

export function usageFailure(message: string, nextStep?: string): CommandFailure {
  return new CommandFailure(exitCodes.usage, message, nextStep);
}
