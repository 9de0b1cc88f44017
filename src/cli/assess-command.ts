import { type Command, Option } from 'commander';
import { type AdminOptions, addAdminOptions, answerOf, withAdmin } from './admin-access.ts';
import { renderAssessment } from './assessment-rendering.ts';
import type { CommandContext } from './command-context.ts';
import { defineCommand } from './command-definition.ts';
import { exitCodes } from './exit-codes.ts';
import { write, writeJson } from './terminal.ts';
import { parseCountOption } from './weight-option.ts';

interface AssessOptions extends AdminOptions {
  readonly cohort?: string;
  readonly examples?: number;
  readonly strict?: true;
  readonly json?: true;
}

export function addAssessCommand(program: Command, context: CommandContext): void {
  const command = defineCommand(program, {
    usage: 'assess',
    summary: 'what the target could not carry, or would need adapted, per cohort',
    description:
      'Shows what is known of the devices of each cohort from what they did on their source: how many move to the target ' +
      'as they are, how many with something adapted for them, and which cannot move, and why. Those stay on the source ' +
      'whatever the weight. The longer a fleet was observed, the more its seldom habits are in it.',
    examples: [
      ['assess', 'every cohort, before a cutover'],
      ['assess --cohort everyone --examples 100', 'more of the devices that cannot move'],
      ['assess --cohort everyone --strict', 'for scripts: ends with 2 when a device cannot move'],
      ['assess --json', 'the document of GET /v1/assessment'],
    ],
  })
    .option('--cohort <name>', 'this cohort only')
    .addOption(
      new Option('--examples <n>', 'devices listed for each reason, 1 to 1000 (default: 10)').argParser(
        parseCountOption,
      ),
    )
    .option('--strict', 'end with 2 when some device cannot move')
    .option('--json', 'one JSON document');
  addAdminOptions(command).action((options: AssessOptions) => assess(options, context));
}

function assess(options: AssessOptions, { terminal, setExitCode }: CommandContext): Promise<void> {
  const { cohort, examples } = options;
  const query = { ...(cohort !== undefined && { cohort }), ...(examples !== undefined && { limit: examples }) };
  return withAdmin(options, terminal, async (client) => {
    const document = await answerOf(client.assessment(query));
    if (options.json) await writeJson(terminal, document);
    else await write(terminal.stdout, renderAssessment(document, terminal.style));
    const isHeld = document.cohorts.some(({ cannot }) => cannot.devices > 0);
    if (options.strict && isHeld) setExitCode(exitCodes.verdictNo);
  });
}
