import type { Command } from 'commander';
import type { ZoneDocument } from '../admin/nameserver-documents.ts';
import { type AdminOptions, addAdminOptions, answerOf, withAdmin } from './admin-access.ts';
import type { CommandContext } from './command-context.ts';
import { defineCommand } from './command-definition.ts';
import { CommandFailure } from './command-failure.ts';
import { exitCodes } from './exit-codes.ts';
import { printable } from './printable.ts';
import { write, writeJson } from './terminal.ts';

interface ReloadOptions extends AdminOptions {
  readonly json?: true;
}

export function addReloadCommand(dns: Command, { terminal }: CommandContext): void {
  const command = defineCommand(dns, {
    usage: 'reload',
    summary: 'have zone files and keys read again',
    description:
      'Has the running gateway read zone files and keys again, as SIGHUP does, and waits until every process answers from ' +
      'them. A zone with mistakes leaves the one before it in force; then the exit code is 1.',
    examples: [['dns reload', 'after a change of a zone file']],
  }).option('--json', 'the document of POST /v1/zones/reload');
  addAdminOptions(command).action((options: ReloadOptions) =>
    withAdmin(options, terminal, async (client) => {
      const document = await answerOf(client.reloadZones());
      if (options.json) await writeJson(terminal, document);
      else await write(terminal.stdout, document.zones.map(render).join(''));
      const refused = document.zones.filter(({ outcome }) => outcome === 'refused').map(({ origin }) => origin);
      if (refused.length === 0) return;
      throw new CommandFailure(
        exitCodes.failed,
        `${refused.join(', ')}: the zone file has mistakes, and the zone before it is served on`,
        'mend what is listed and reload again',
      );
    }),
  );
}

function render({ origin, outcome, serial, mistakes, warnings }: ZoneDocument): string {
  const lines = [
    `${origin}  ${outcome}  serial ${serial ?? 'none'}`,
    ...mistakes.map((mistake) => `  ${mistake}`),
    ...warnings.map((warning) => `  warning: ${warning}`),
  ];
  return lines.map((line) => `${printable(line)}\n`).join('');
}
