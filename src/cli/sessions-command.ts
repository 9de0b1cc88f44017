import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import { defineCommand } from './command-definition.ts';
import { addImportSubscriptionsCommand } from './import-subscriptions-command.ts';
import { addSessionsListCommand } from './sessions-list-command.ts';

export function addSessionsCommand(program: Command, context: CommandContext): void {
  const command = defineCommand(program, {
    usage: 'sessions',
    summary: 'where live sessions are and why, and what persistent ones need to be movable',
    description:
      'A session that is older than the gateway has subscriptions that the gateway never saw: it is moved only when they ' +
      'are known.',
    examples: [
      ['sessions list --pending', 'live sessions that are not where the plan wants them, and why'],
      ['sessions import-subscriptions subscriptions.csv', "rows of client ID, filter, QoS from the broker's export"],
    ],
  });
  addSessionsListCommand(command, context);
  addImportSubscriptionsCommand(command, context);
}
