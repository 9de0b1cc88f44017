import type { Command } from 'commander';

export interface CommandDefinition {
  /** Name and arguments, as commander reads them. */
  readonly usage: string;
  readonly summary: string;
  readonly description: string;
  /** Command lines without `crossfade`, each with what it does. */
  readonly examples: readonly (readonly [commandLine: string, meaning: string])[];
}

/** A subcommand whose help ends with examples, and whose usage errors point at its help. */
export function defineCommand(parent: Command, { usage, summary, description, examples }: CommandDefinition): Command {
  const command = parent.command(usage).summary(summary).description(description);
  const lines = examples.map(([commandLine, meaning]) => `  # ${meaning}\n  crossfade ${commandLine}`);
  command.addHelpText('after', `\nExamples:\n${lines.join('\n')}`);
  return command.showHelpAfterError(`Run "crossfade ${pathOf(command)} --help" for its options and examples.`);
}

function pathOf(command: Command): string {
  const { parent } = command;
  return parent?.parent ? `${pathOf(parent)} ${command.name()}` : command.name();
}
