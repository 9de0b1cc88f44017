import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import { defineCommand } from './command-definition.ts';
import { loadConfigurationFile } from './configuration-file.ts';
import { write, writeJson } from './terminal.ts';

interface RunOptions {
  readonly config: string;
}

export function addRunCommand(program: Command, context: CommandContext): void {
  defineCommand(program, {
    usage: 'run',
    summary: 'the gateway',
    description:
      'Runs the gateway. Prints one JSON line {"event":"ready",...} on stdout once every port is bound; its log goes ' +
      'to stdout as JSON lines too. SIGTERM drains, a second one stops; SIGHUP reads certificates, CRLs, zones and their keys again.',
    examples: [
      ['check --config crossfade.yaml', 'before: every mistake at once'],
      ['run --config crossfade.yaml', 'the gateway, until SIGTERM or Ctrl-C'],
    ],
  })
    .requiredOption('--config <file>', 'the configuration')
    .action((options: RunOptions) => run(options, context));
}

async function run({ config }: RunOptions, { terminal, setExitCode }: CommandContext): Promise<void> {
  const { configuration, warnings } = await loadConfigurationFile(config);
  for (const warning of warnings) await write(terminal.stderr, `warning: ${warning}\n`);
  const { startGateway } = await import('../app/run-gateway.ts');
  const gateway = await startGateway({ configuration, handleSignals: true });
  await writeJson(terminal, gateway.ready);
  setExitCode(await gateway.exited);
}
