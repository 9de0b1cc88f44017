import { type Command, InvalidArgumentError } from 'commander';
import { parseDuration } from '../admin/duration.ts';
import { type AdminOptions, addAdminOptions, answerOf, withAdmin } from './admin-access.ts';
import type { CommandContext } from './command-context.ts';
import { defineCommand } from './command-definition.ts';
import { printable } from './printable.ts';
import { renderFreeze } from './status-rendering.ts';
import { write, writeJson } from './terminal.ts';

interface FreezeOptions extends AdminOptions {
  readonly for?: string;
  readonly reason: string;
  readonly json?: true;
}

/** `freeze` and `unfreeze`. */
export function addFreezeCommands(program: Command, context: CommandContext): void {
  addFreezeCommand(program, context);
  addUnfreezeCommand(program, context);
}

function addFreezeCommand(program: Command, { terminal }: CommandContext): void {
  const command = defineCommand(program, {
    usage: 'freeze',
    summary: 'let no cutover start and none go on',
    description:
      'Cutovers under way are paused, new ones are refused with who froze, why and until when. Rollback stays possible. ' +
      'It outlives restarts of the gateway; a later freeze takes the place of this one.',
    examples: [
      ['freeze --for 4h --reason "incident 7"', 'until four hours from now'],
      ['freeze --reason "end of the quarter"', 'until somebody unfreezes'],
    ],
  })
    .option('--for <duration>', 'how long: 30m, 4h, 2d (default: until it is lifted)', durationText)
    .requiredOption('--reason <text>', 'why; shown to whoever is refused')
    .option('--json', 'the freeze as a JSON document');
  addAdminOptions(command).action((options: FreezeOptions) =>
    withAdmin(options, terminal, async (client) => {
      const body = { reason: options.reason, ...(options.for !== undefined && { for: options.for }) };
      const freeze = await answerOf(client.freeze(body));
      if (options.json) await writeJson(terminal, freeze);
      else await write(terminal.stdout, `${renderFreeze(freeze)}\n`);
    }),
  );
}

function addUnfreezeCommand(program: Command, { terminal }: CommandContext): void {
  const command = defineCommand(program, {
    usage: 'unfreeze',
    summary: 'let cutovers start again',
    description:
      'Lifts the freeze. Cutovers that it paused go on; those that an operator paused wait for "moves resume".',
    examples: [['unfreeze', 'cutovers are possible again']],
  }).option('--json', 'the freeze that was lifted, or null');
  addAdminOptions(command).action((options: AdminOptions & { readonly json?: true }) =>
    withAdmin(options, terminal, async (client) => {
      const lifted = await answerOf(client.unfreeze());
      if (options.json) return writeJson(terminal, lifted);
      const text =
        lifted === null ? 'nothing was frozen' : printable(`lifted the freeze of ${lifted.author}: ${lifted.reason}`);
      await write(terminal.stdout, `${text}\n`);
    }),
  );
}

/** Checked here so that a mistake is told before anything is asked. */
function durationText(text: string): string {
  const duration = parseDuration(text);
  if (!duration.ok) throw new InvalidArgumentError(duration.error);
  return text.trim();
}
