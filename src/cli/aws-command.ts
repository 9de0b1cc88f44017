import type { Command } from 'commander';
import { addAwsApplyCommand } from './aws-apply-command.ts';
import { addAwsCollectCommand } from './aws-collect-command.ts';
import { addAwsDestroyCommand } from './aws-destroy-command.ts';
import { addAwsPlanCommand } from './aws-plan-command.ts';
import { addAwsRegisterCommand } from './aws-register-command.ts';
import { addAwsStatusCommand } from './aws-status-command.ts';
import type { CommandContext } from './command-context.ts';
import { defineCommand } from './command-definition.ts';

export function addAwsCommand(program: Command, context: CommandContext): void {
  const aws = defineCommand(program, {
    usage: 'aws',
    summary: "the AWS account: bring it to what the configuration's aws section describes",
    description:
      'CAs, policies, thing type, authorizers, the domain configuration, the safety net and logging of AWS IoT Core. ' +
      'Credentials are found as the AWS CLI finds them. What was made for this fleet carries the tag ' +
      'crossfade:fleet with its domain.',
    examples: [
      ['aws plan --config crossfade.yaml', 'what would be done, changing nothing'],
      ['aws apply --config crossfade.yaml', 'do it, after a question'],
      ['aws register --from wave-1.csv --config crossfade.yaml', 'make devices known ahead of their cutover'],
    ],
  });
  addAwsPlanCommand(aws, context);
  addAwsApplyCommand(aws, context);
  addAwsStatusCommand(aws, context);
  addAwsDestroyCommand(aws, context);
  addAwsRegisterCommand(aws, context);
  addAwsCollectCommand(aws, context);
}
