import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import { defineCommand } from './command-definition.ts';
import { createProgress } from './progress.ts';
import { parseCountOption } from './weight-option.ts';

interface DemoOptions {
  readonly devices: number;
  readonly once: boolean;
  readonly json: boolean;
}

const defaultDevices = 200;

export function addDemoCommand(program: Command, { terminal, setExitCode }: CommandContext): void {
  defineCommand(program, {
    usage: 'demo',
    summary: 'move a simulated fleet over and back, on this machine',
    description:
      'Starts two embedded brokers, the gateway and a simulated fleet on free loopback ports, moves the fleet over in ' +
      'steps and back, and prints where every device was and what was lost. Stays up until Ctrl-C unless --once.',
    examples: [
      ['demo', 'see it work'],
      ['demo --once --devices 50 --json', 'for a script: exit code 0 when nothing was lost'],
    ],
  })
    .option('--devices <number>', 'devices of the simulated fleet', parseCountOption, defaultDevices)
    .option('--once', 'end after the migration', false)
    .option('--json', 'the outcome as JSON', false)
    .action(async ({ devices, once, json }: DemoOptions) => {
      // Loaded here, so that no other command pays for the embedded brokers.
      const { runDemo } = await import('../demo/run-demo.ts');
      const progress = createProgress(terminal);
      setExitCode(await runDemo({ devices, once, json, out: terminal.stdout, err: terminal.stderr, progress }));
    });
}
