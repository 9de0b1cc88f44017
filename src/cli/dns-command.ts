import { type Command, InvalidArgumentError } from 'commander';
import type { AdminClient } from '../admin/admin-client.ts';
import type { SiteDocument } from '../admin/nameserver-documents.ts';
import { parseWeight } from '../plan/weight.ts';
import { type AdminOptions, addAdminOptions, answerOf, withAdmin } from './admin-access.ts';
import type { CommandContext } from './command-context.ts';
import { defineCommand } from './command-definition.ts';
import { usageFailure } from './command-failure.ts';
import { addDsCommand } from './dns-ds-command.ts';
import { addReloadCommand } from './dns-reload-command.ts';
import { renderAnswer, renderForecast, renderSiteLine, renderTrace } from './dns-rendering.ts';
import { printable } from './printable.ts';
import { type Terminal, write, writeJson } from './terminal.ts';

interface JsonOptions extends AdminOptions {
  readonly json?: true;
}

interface AnswerOptions extends JsonOptions {
  readonly type?: string;
  readonly subnet?: string;
  readonly clientId?: string;
  readonly weights?: string;
}

interface SplitOptions extends JsonOptions {
  readonly reason?: string;
  readonly dryRun?: true;
}

interface SiteOptions extends JsonOptions {
  readonly reason?: string;
}

/** `dns split | show | trace | drain | undrain | force | reload | ds`. */
export function addDnsCommand(program: Command, context: CommandContext): void {
  const { terminal } = context;
  const dns = defineCommand(program, {
    usage: 'dns',
    summary: 'the front door: shares, answers and sites',
    description:
      'The nameserver of a running gateway: shares of the asking networks, what names are answered with, sites.',
    examples: [
      ['dns split front-door gateway=1% bypass=99%', 'the first per cent of the networks comes to the gateway'],
      ['dns trace mqtt.example.com --subnet 198.51.100.0/24', 'why this network is answered so'],
    ],
  });
  addSplitCommand(dns, terminal);
  addAnswerCommand(dns, terminal, 'show');
  addAnswerCommand(dns, terminal, 'trace');
  addSiteCommand(dns, terminal, 'drain');
  addSiteCommand(dns, terminal, 'undrain');
  addForceCommand(dns, terminal);
  addReloadCommand(dns, context);
  addDsCommand(dns, context);
}

function addSplitCommand(dns: Command, terminal: Terminal): void {
  const command = defineCommand(dns, {
    usage: 'split <name> <part=weight...>',
    summary: 'set the shares of a split',
    description:
      'Sets how many of the asking networks get which part: a new revision of the plan, answered from at once. NAME is the ' +
      'split, or a name that it steers. Parts that are not named get nothing; the shares add up to 100 %.',
    examples: [
      ['dns split front-door gateway=1% bypass=99%', 'the first per cent of the networks comes to the gateway'],
      ['dns split front-door gateway=5% bypass=95% --dry-run', 'how many of those seen would change sides'],
    ],
  })
    .option('--reason <text>', 'kept with the revision')
    .option('--dry-run', 'foretell, and change nothing')
    .option('--json', 'the document of POST /v1/splits/NAME');
  addAdminOptions(command).action((name: string, shares: readonly string[], options: SplitOptions) =>
    withAdmin(options, terminal, async (client) => {
      const { reason, dryRun = false } = options;
      const body = { weights: parseShares(shares), dryRun, ...(reason !== undefined && { reason }) };
      const document = await answerOf(client.setSplit(name, body));
      if (options.json) await writeJson(terminal, document);
      else await write(terminal.stdout, renderForecast(document, terminal.style));
    }),
  );
}

function addAnswerCommand(dns: Command, terminal: Terminal, verb: 'show' | 'trace'): void {
  const isTrace = verb === 'trace';
  const command = defineCommand(dns, {
    usage: `${verb} <name>`,
    summary: isTrace ? 'explain an answer step by step' : 'what a name is answered with',
    description: isTrace
      ? 'Says what a name is answered with and why: zone, steering, network, part, site, or device, cohort, side. With ' +
        '--weights also how many of the networks and resolvers seen would change sides.'
      : 'Says what a name is answered with, as the workers answer it now.',
    examples: [
      [`dns ${verb} mqtt.example.com --subnet 198.51.100.0/24`, 'as this network is answered'],
      [`dns ${verb} mqtt.example.com --client-id meter-7`, "a device's own name in that zone"],
    ],
  })
    .option('--type <type>', 'record type (default: A)')
    .option('--subnet <cidr>', 'who asks: an address or a network (default: 127.0.0.1)')
    .option('--client-id <id>', "the key of a device: its own name in NAME's zone is asked for");
  if (isTrace) command.option('--weights <shares>', 'what these shares would do: gateway=5%,bypass=95%');
  command.option('--json', 'the document of GET /v1/dns/answer');
  addAdminOptions(command).action((name: string, options: AnswerOptions) =>
    withAdmin(options, terminal, async (client) => {
      const { type, subnet, clientId, weights } = options;
      const query = {
        name,
        ...(type !== undefined && { type }),
        ...(subnet !== undefined && { subnet }),
        ...(clientId !== undefined && { device: clientId }),
        ...(weights !== undefined && { weights }),
      };
      const document = await answerOf(client.dnsAnswer(query));
      if (options.json) return writeJson(terminal, document);
      const render = isTrace ? renderTrace : renderAnswer;
      await write(terminal.stdout, render(document, terminal.style));
    }),
  );
}

const siteVerbs = {
  drain: {
    summary: 'send nobody new to a site',
    description:
      'Takes a site out of the answers until undrain, over restarts. Warns where no site is left for a part of a split.',
  },
  undrain: { summary: 'answer with a site again', description: 'Ends a drain.' },
} as const;

function addSiteCommand(dns: Command, terminal: Terminal, verb: 'drain' | 'undrain'): void {
  const command = defineCommand(dns, {
    usage: `${verb} <site>`,
    ...siteVerbs[verb],
    examples: [[`dns ${verb} eu-west-1 --reason maintenance`, siteVerbs[verb].summary]],
  });
  const ask = (client: AdminClient, site: string, body: { readonly reason?: string }) =>
    verb === 'drain' ? client.drainSite(site, body) : client.undrainSite(site, body);
  addSiteOptions(command).action((site: string, options: SiteOptions) =>
    speak(options, terminal, (client) => answerOf(ask(client, site, reasonOf(options)))),
  );
}

function addForceCommand(dns: Command, terminal: Terminal): void {
  const command = defineCommand(dns, {
    usage: 'force <site> <health>',
    summary: 'count a site as up or down, whatever the probes say',
    description: 'HEALTH is up, down, or auto: what the probes say. It stands until the next word, over restarts.',
    examples: [
      ['dns force eu-west-1 down --reason "incident 7"', 'answer without it, though its probes are good'],
      ['dns force eu-west-1 auto', 'believe the probes again'],
    ],
  });
  addSiteOptions(command).action((site: string, health: string, options: SiteOptions) => {
    if (health !== 'up' && health !== 'down' && health !== 'auto') {
      throw usageFailure(`expected up, down or auto, got ${JSON.stringify(health)}`);
    }
    const forced = health === 'auto' ? null : health;
    return speak(options, terminal, (client) =>
      answerOf(client.forceSite(site, { health: forced, ...reasonOf(options) })),
    );
  });
}

function addSiteOptions(command: Command): Command {
  return addAdminOptions(
    command.option('--reason <text>', 'shown in status').option('--json', 'the site as a JSON document'),
  );
}

function speak(
  options: SiteOptions,
  terminal: Terminal,
  ask: (client: AdminClient) => Promise<SiteDocument>,
): Promise<void> {
  return withAdmin(options, terminal, async (client) => {
    const site = await ask(client);
    if (options.json) await writeJson(terminal, site);
    else await write(terminal.stdout, `${renderSiteLine(site)}\n`);
    for (const warning of site.warnings) await write(terminal.stderr, `warning: ${printable(warning)}\n`);
  });
}

function reasonOf({ reason }: SiteOptions): { readonly reason?: string } {
  return reason === undefined ? {} : { reason };
}

/** `gateway=1%`; checked here so that a mistake is told before anything is asked. */
function parseShares(shares: readonly string[]): Readonly<Record<string, string>> {
  const weights = new Map<string, string>();
  for (const share of shares) {
    const at = share.lastIndexOf('=');
    const part = share.slice(0, Math.max(0, at));
    const weight = parseWeight(share.slice(at + 1));
    if (part === '' || !weight.ok) {
      throw new InvalidArgumentError(`expected PART=WEIGHT such as gateway=1%, got ${JSON.stringify(share)}`);
    }
    if (weights.has(part)) throw new InvalidArgumentError(`expected each part once, got ${part} again`);
    weights.set(part, share.slice(at + 1));
  }
  return Object.fromEntries(weights);
}
