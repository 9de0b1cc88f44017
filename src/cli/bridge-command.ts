import type { Command } from 'commander';
import { addBridgeRuleCommands } from './bridge-rule-commands.ts';
import type { CommandContext } from './command-context.ts';
import { defineCommand } from './command-definition.ts';
import { loadConfigurationFile } from './configuration-file.ts';
import { printable } from './printable.ts';
import { write, writeJson } from './terminal.ts';

export function addBridgeCommand(program: Command, context: CommandContext): void {
  const bridge = defineCommand(program, {
    usage: 'bridge',
    summary: 'the republish layer',
    description:
      'Carries messages between two brokers, as the rules of the configuration say: in a process of the gateway, or alone.',
    examples: [
      ['bridge status', 'rules, their members and partitions, traffic, lag, spools'],
      ['bridge scale billing --members 3', 'three members in the share group of a rule'],
      ['bridge run --config crossfade.yaml', 'the bridge alone, until SIGTERM or Ctrl-C'],
    ],
  });
  addBridgeRuleCommands(bridge, context);
  defineCommand(bridge, {
    usage: 'run',
    summary: 'the bridge alone, without a gateway',
    description:
      'Runs the rules of the bridge section. Prints one JSON line {"event":"ready",...} on stdout once it has its ' +
      'directory; its log goes to stdout as JSON lines too. SIGTERM finishes what is on its way and ends it; SIGHUP reads ' +
      'certificates again. Processes that share bridge.directory divide the rules among them.',
    examples: [
      ['check --config crossfade.yaml', 'before: every mistake at once, rules that come round among them'],
      ['bridge run --config crossfade.yaml', 'the bridge, until SIGTERM or Ctrl-C'],
    ],
  })
    .requiredOption('--config <file>', 'the configuration')
    .action((options: { readonly config: string }) => run(options.config, context));
}

async function run(config: string, { terminal, setExitCode }: CommandContext): Promise<void> {
  const { configuration, warnings } = await loadConfigurationFile(config);
  for (const warning of warnings) await write(terminal.stderr, `warning: ${printable(warning)}\n`);
  const { runBridge } = await import('../app/run-bridge.ts');
  const bridge = await runBridge(configuration, { handleSignals: true });
  await writeJson(terminal, bridge.ready);
  setExitCode(await bridge.exited);
}
