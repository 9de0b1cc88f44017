import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { addAssessCommand } from './assess-command.ts';
import { addAwsCommand } from './aws-command.ts';
import { addBridgeCommand } from './bridge-command.ts';
import { addCheckCommand } from './check-command.ts';
import type { CommandContext } from './command-context.ts';
import { addCutoverCommand } from './cutover-command.ts';
import { addDemoCommand } from './demo-command.ts';
import { addDnsCommand } from './dns-command.ts';
import { addEmulateCommand } from './emulate-command.ts';
import { addFreezeCommands } from './freeze-command.ts';
import { addMovesCommand } from './moves-command.ts';
import { addPlanCommand } from './plan-command.ts';
import { addRollbackCommand } from './rollback-command.ts';
import { addRunCommand } from './run-command.ts';
import { addServicesCommand } from './services-command.ts';
import { addSessionsCommand } from './sessions-command.ts';
import { addStatusCommand } from './status-command.ts';
import type { Terminal } from './terminal.ts';
import { addWhereCommand } from './where-command.ts';

/** All commands. Nothing is listed that does not work. */
export function createProgram(terminal: Terminal, setExitCode: (code: number) => void): Command {
  const program = new Command('crossfade')
    .description('Moves an MQTT fleet from a self-managed broker to AWS IoT Core, cohort by cohort, and back.')
    .version(readVersion(), '-V, --version', 'the version of Crossfade')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.stdout.write(text),
      writeErr: (text) => terminal.stderr.write(text),
      getOutHelpWidth: () => terminal.columns,
      getErrHelpWidth: () => terminal.columns,
    })
    .showHelpAfterError('Run "crossfade --help" for the commands.')
    .helpCommand('help [command]', 'show the help of a command')
    .addHelpText('after', afterHelp);
  const context: CommandContext = { terminal, setExitCode };
  addDemoCommand(program, context);
  addRunCommand(program, context);
  addCheckCommand(program, context);
  addStatusCommand(program, context);
  addWhereCommand(program, context);
  addAssessCommand(program, context);
  addCutoverCommand(program, context);
  addRollbackCommand(program, context);
  addMovesCommand(program, context);
  addFreezeCommands(program, context);
  addSessionsCommand(program, context);
  addDnsCommand(program, context);
  addEmulateCommand(program, context);
  addPlanCommand(program, context);
  addBridgeCommand(program, context);
  addServicesCommand(program, context);
  addAwsCommand(program, context);
  return program;
}

/** The package's, from the sources as well as from `dist/`. */
function readVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return String((JSON.parse(text) as { readonly version?: unknown }).version);
}

const afterHelp = `
Commands that talk to a running gateway take --admin URL and --token TOKEN, else CROSSFADE_ADMIN and CROSSFADE_TOKEN.

Exit codes: 0 done, 1 failed, 2 the verdict is no, 64 usage or configuration, 69 admin API not reachable.

Examples:
  # see it work, with nothing to set up
  crossfade demo
  # which broker does this device go to, and why
  crossfade where meter-7 --config crossfade.yaml
  # move a first per cent of a cohort
  crossfade cutover everyone --weight 1% --reason "first per cent"
  # bring the AWS account to what the configuration describes
  crossfade aws plan --config crossfade.yaml`;
