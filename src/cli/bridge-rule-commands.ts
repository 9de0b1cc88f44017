import { type Command, InvalidArgumentError } from 'commander';
import type { AdminClient, ClientResult } from '../admin/admin-client.ts';
import { type BridgeDocument, type BridgeRuleDocument, maxMembers } from '../admin/bridge-documents.ts';
import { type AdminOptions, addAdminOptions, answerOf, listedBy, withAdmin } from './admin-access.ts';
import { renderBridge, renderRuleLine, renderSlots } from './bridge-rendering.ts';
import type { CommandContext } from './command-context.ts';
import { defineCommand } from './command-definition.ts';
import { usageFailure } from './command-failure.ts';
import { followScale } from './scale-follower.ts';
import { type Terminal, write, writeJson } from './terminal.ts';

interface RuleOptions extends AdminOptions {
  readonly json?: true;
}

interface ScaleOptions extends RuleOptions {
  readonly members: number;
  readonly wait: boolean;
}

/** `bridge status | pause | resume | scale`: of a running gateway, or of a bridge that runs alone. */
export function addBridgeRuleCommands(bridge: Command, context: CommandContext): void {
  addStatusCommand(bridge, context);
  addTurnCommand(bridge, context, {
    verb: 'pause',
    summary: 'let the target of a rule get nothing for now',
    description:
      'What comes is acknowledged and goes to the spool, so that no queue of the source runs over; the spool is bounded by ' +
      'bridge.spool. A member that should leave its share group is scaled away instead. Outlives restarts.',
    turn: (client, name) => client.pauseRule(name),
  });
  addTurnCommand(bridge, context, {
    verb: 'resume',
    summary: 'go on with a paused rule, or with one that a loop stopped',
    description:
      'What the spool has goes first, in its order. A rule in which a message went round begins again; it is stopped again ' +
      'if the message still goes round.',
    turn: (client, name) => client.resumeRule(name),
  });
  addScaleCommand(bridge, context);
}

function addStatusCommand(bridge: Command, { terminal }: CommandContext): void {
  const command = defineCommand(bridge, {
    usage: 'status [rule]',
    summary: 'rules, their slots and the processes that work them',
    description:
      'A slot is a member of a share group, or a partition of the keys of a rule. SHARE is its part of the traffic of the ' +
      'rule over the last seconds, LAG from arrival to PUBACK over the last minute; the counts are since its process began ' +
      'to work it. A rule is waiting while not all of its slots are at work and granted by their source.',
    examples: [
      ['bridge status', 'tables for eyes'],
      ['bridge status billing', 'one rule'],
      ['bridge status --json', 'the document of GET /v1/bridge'],
      ['bridge status --admin http://127.0.0.1:9441', 'a bridge that runs alone, at its bridge.admin'],
    ],
  }).option('--json', 'the document of GET /v1/bridge; of one rule its entry there');
  addAdminOptions(command).action((name: string | undefined, options: RuleOptions) =>
    withAdmin(options, terminal, async (client) => {
      const document = await answerOf(client.bridge());
      if (name === undefined) return writeStatus(document, options, terminal);
      const rule = ruleNamed(name, document);
      if (options.json) return writeJson(terminal, rule);
      await write(terminal.stdout, renderBridge({ ...document, rules: [rule] }, terminal.style));
    }),
  );
}

async function writeStatus(document: BridgeDocument, { json }: RuleOptions, terminal: Terminal): Promise<void> {
  if (json) await writeJson(terminal, document);
  else await write(terminal.stdout, renderBridge(document, terminal.style));
}

function ruleNamed(name: string, { rules }: BridgeDocument): BridgeRuleDocument {
  const rule = rules.find((candidate) => candidate.name === name);
  if (rule !== undefined) return rule;
  const known = rules.map((candidate) => candidate.name).join(', ') || 'there is none';
  throw usageFailure(`expected the name of a rule (${known}), got ${JSON.stringify(name)}`, listedBy.rule);
}

interface Turn {
  readonly verb: 'pause' | 'resume';
  readonly summary: string;
  readonly description: string;
  readonly turn: (client: AdminClient, name: string) => ClientResult<BridgeRuleDocument>;
}

function addTurnCommand(
  bridge: Command,
  { terminal }: CommandContext,
  { verb, summary, description, turn }: Turn,
): void {
  const command = defineCommand(bridge, {
    usage: `${verb} <rule>`,
    summary,
    description,
    examples: [[`bridge ${verb} telemetry`, `${verb} one rule; "bridge status" lists them`]],
  }).option('--json', 'the rule as it stands now, like its entry in GET /v1/bridge');
  addAdminOptions(command).action((name: string, options: RuleOptions) =>
    withAdmin(options, terminal, async (client) => {
      const rule = await answerOf(turn(client, name), listedBy.rule);
      if (options.json) await writeJson(terminal, rule);
      else await write(terminal.stdout, renderRuleLine(rule));
    }),
  );
}

function addScaleCommand(bridge: Command, { terminal }: CommandContext): void {
  const command = defineCommand(bridge, {
    usage: 'scale <rule>',
    summary: 'set how many members of its share group a rule has',
    description:
      'New members join; those beyond unsubscribe, finish what came to them, their spools too, and go. Follows that until ' +
      'so many members stand and the others have left. Outlives restarts; without it the rule has the members of the ' +
      'configuration. The share of each member is in "bridge status": how a group is shared is the choice of the source.',
    examples: [
      ['bridge scale billing --members 3', 'three members in $share/billing, as three more instances of that service'],
      ['bridge scale billing --members 0', 'none: the group is its own again'],
      ['bridge scale billing --members 3 --no-wait', 'answer as soon as it is noted'],
    ],
  })
    .requiredOption('--members <n>', `how many, 0 to ${maxMembers}`, parseMembers)
    .option('--no-wait', 'do not follow it')
    .option('--json', 'the rule as it stands then, like its entry in GET /v1/bridge');
  addAdminOptions(command).action((name: string, { members, wait, ...options }: ScaleOptions) =>
    withAdmin(options, terminal, async (client) => {
      const asked = await answerOf(client.scaleRule(name, { members }), listedBy.rule);
      const rule = wait ? await followScale(client, asked, terminal) : asked;
      if (options.json) return writeJson(terminal, rule);
      const { style } = terminal;
      await write(terminal.stdout, renderRuleLine(rule));
      if (wait && rule.slots.length > 0) await write(terminal.stdout, renderSlots(rule, style));
    }),
  );
}

function parseMembers(text: string): number {
  if (/^\d{1,4}$/.test(text) && Number(text) <= maxMembers) return Number(text);
  throw new InvalidArgumentError(`Expected a whole number from 0 to ${maxMembers}.`);
}
