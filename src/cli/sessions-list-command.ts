import { type Command, Option } from 'commander';
import type { SessionDocument } from '../admin/admin-api.ts';
import { type AdminOptions, addAdminOptions, answerOf, withAdmin } from './admin-access.ts';
import type { CommandContext } from './command-context.ts';
import { defineCommand } from './command-definition.ts';
import { usageFailure } from './command-failure.ts';
import { type Column, renderTable } from './table.ts';
import { type Terminal, write, writeJson } from './terminal.ts';
import { parseCountOption } from './weight-option.ts';

interface ListOptions extends AdminOptions {
  readonly cohort?: string;
  readonly broker?: string;
  readonly clientId?: string;
  readonly pending?: true;
  readonly limit?: number;
  readonly json?: true;
}

const defaultLimit = 100;
/** What the admin API gives at most. */
const maxLimit = 1_000;

export function addSessionsListCommand(sessions: Command, { terminal }: CommandContext): void {
  const command = defineCommand(sessions, {
    usage: 'list',
    summary: 'live sessions: where each is, where the plan wants it, and why it is not there',
    description:
      'Lists live sessions of all workers. HOME is the broker that a session is on, DESIRED the one that the plan wants ' +
      'it on, and WHY says what keeps it from there.',
    examples: [
      ['sessions list --pending', 'sessions that are not where the plan wants them, and why'],
      ['sessions list --cohort everyone --broker legacy', 'those of a cohort on one broker'],
      ['sessions list --json --limit 1000', 'the documents of GET /v1/sessions'],
    ],
  })
    .option('--cohort <name>', 'of this cohort only')
    .option('--broker <name>', 'on this broker only')
    .option('--client-id <id>', 'of this client ID only')
    .option('--pending', 'only those that are not where the plan wants them')
    .addOption(
      new Option('--limit <n>', `sessions listed, 1 to ${maxLimit} (default: ${defaultLimit})`).argParser(
        parseCountOption,
      ),
    )
    .option('--json', 'the documents of GET /v1/sessions');
  addAdminOptions(command).action((options: ListOptions) => listSessions(options, terminal));
}

function listSessions(options: ListOptions, terminal: Terminal): Promise<void> {
  const { cohort, broker, clientId, pending, limit = defaultLimit } = options;
  if (limit > maxLimit) throw usageFailure(`--limit: expected 1 to ${maxLimit}, got ${limit}`);
  const query = {
    limit,
    ...(cohort !== undefined && { cohort }),
    ...(broker !== undefined && { broker }),
    ...(clientId !== undefined && { clientId }),
    ...(pending && { pending }),
  };
  return withAdmin(options, terminal, async (client) => {
    const sessions = await answerOf(client.sessions(query));
    if (options.json) return writeJson(terminal, sessions);
    if (sessions.length === 0) return write(terminal.stdout, 'no such session\n');
    await write(terminal.stdout, renderTable(columns, sessions, terminal.style));
    if (sessions.length === limit) await write(terminal.stderr, `the first ${limit}; there may be more: --limit\n`);
  });
}

const columns: readonly Column<SessionDocument>[] = [
  { title: 'CLIENT ID', value: ({ clientId }) => clientId },
  { title: 'COHORT', value: ({ cohort }) => cohort ?? '-' },
  { title: 'HOME', value: ({ home }) => home },
  { title: 'DESIRED', value: ({ desired }) => desired },
  { title: 'PERSISTENT', value: ({ persistent }) => (persistent ? 'yes' : 'no') },
  { title: 'MQTT', value: ({ protocol }) => protocol },
  { title: 'IN FLIGHT', value: ({ inFlight }) => String(inFlight), align: 'right' },
  { title: 'SINCE', value: ({ since }) => since },
  { title: 'WHY', value: ({ reason }) => reason ?? '' },
];
