import type { SiteStatus } from '../admin/nameserver-documents.ts';
import { addressUse } from '../base/address-use.ts';
import { type HostPort, renderHostPort } from '../base/addresses.ts';
import type { Clock } from '../base/clock.ts';
import { errorMessage } from '../base/errors.ts';
import type { Configuration, SiteConfiguration } from '../config/configuration.ts';
import type { SiteCondition } from '../dns/site-choice.ts';
import { aliasesOf } from '../dns/steering-rule.ts';
import { SiteMonitor } from '../health/site-monitor.ts';
import {
  AliasRefresher,
  type AliasState,
  createAliasResolver,
  type ResolveFamily,
} from '../nameserver/alias-refresher.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { NameserverJournal, SiteWord } from './nameserver-journal.ts';
import type { SteeringNotes } from './served-names.ts';

export interface SteeringAuthorityDeps {
  readonly configuration: Configuration;
  readonly clock: Clock;
  readonly log: Logger;
  readonly journal: NameserverJournal;
  /** What a control process before this one knew last. */
  readonly former?: SteeringNotes;
  /** What is known changed. */
  readonly onNotes: (notes: SteeringNotes) => void;
  /** The health of a site, as it is answered by, changed. */
  readonly onSite: (site: string, health: SiteStatus['health']) => void;
  /** Tests give their own. */
  readonly resolve?: ResolveFamily;
}

export type WordChange = Partial<Pick<SiteWord, 'drained'>> & { readonly forced?: 'up' | 'down' | null };

/** How long a start waits for the first answers about aliases; it goes on without them. */
const firstAliasesMs = 3_000;

/** What the control process knows of sites and aliases: probes, what operators said, and the last good addresses. */
export class SteeringAuthority {
  readonly #deps: SteeringAuthorityDeps;
  readonly #monitor: SiteMonitor;
  readonly #aliases: AliasRefresher;
  readonly #words: Record<string, SiteWord>;

  constructor(deps: SteeringAuthorityDeps) {
    const { configuration, clock, log } = deps;
    const { nameserver, sites, limits, fleet } = configuration;
    this.#deps = deps;
    this.#words = { ...readOr({}, () => deps.journal.words(), log) };
    this.#monitor = new SiteMonitor(sites.flatMap(monitored), {
      clock,
      log,
      servername: fleet.domain,
      random: Math.random,
      wasDown: (site, address) => this.#wasDown(site, address),
      onChange: (site) => {
        this.#publish();
        deps.onSite(site, this.#condition(site).health);
      },
    });
    const rules = nameserver?.zones.flatMap(({ steering }) => steering) ?? [];
    const options = {
      aliases: aliasesOf(rules),
      minMs: limits.aliasRefreshMinMs,
      maxMs: Math.max(limits.aliasRefreshMinMs, limits.aliasRefreshMaxMs),
      known: readOr({}, () => deps.journal.aliases(), log),
      allowsLoopback: areOnThisMachine(nameserver?.resolvers ?? []),
    };
    this.#aliases = new AliasRefresher(options, {
      resolve: deps.resolve ?? createAliasResolver((nameserver?.resolvers ?? []).map(renderHostPort)),
      log,
      random: Math.random,
      wallMs: () => clock.wallMs(),
      onChange: () => {
        this.#keep(() => deps.journal.setAliases(this.#aliases.addresses()));
        this.#publish();
      },
    });
  }

  /** Begins to probe and to resolve; settles when the aliases were asked for once, or it takes too long. */
  async start(): Promise<void> {
    this.#monitor.start();
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, firstAliasesMs);
    await Promise.race([this.#aliases.start(), promise]);
    clearTimeout(timer);
    this.#publish();
  }

  get notes(): SteeringNotes {
    const { sites } = this.#deps.configuration;
    return {
      conditions: Object.fromEntries(sites.map(({ name }) => [name, this.#condition(name)])),
      aliases: this.#aliases.addresses(),
    };
  }

  hasSite(name: string): boolean {
    return this.#deps.configuration.sites.some((site) => site.name === name);
  }

  /** As `status` shows them, in the configuration's order. */
  sites(): readonly SiteStatus[] {
    return this.#deps.configuration.sites.map(({ name, addresses }) => this.#status(name, addresses));
  }

  aliases(): readonly AliasState[] {
    return this.#aliases.states();
  }

  site(name: string): SiteStatus | undefined {
    return this.sites().find((site) => site.name === name);
  }

  /** An operator's word on a site, from now on and over restarts. */
  say(site: string, change: WordChange, { author, reason }: Pick<SiteWord, 'author' | 'reason'>): void {
    const before = this.#words[site];
    const forced = change.forced === undefined ? before?.forced : (change.forced ?? undefined);
    const word: SiteWord = {
      drained: change.drained ?? before?.drained ?? false,
      ...(forced !== undefined && { forced }),
      ...{ author, reason, at: this.#deps.clock.wallMs() },
    };
    this.#words[site] = word;
    this.#keep(() => this.#deps.journal.setWord(site, word));
    this.#deps.log.info({ site, ...word }, 'An operator spoke about a site');
    this.#publish();
    this.#deps.onSite(site, this.#condition(site).health);
  }

  close(): void {
    this.#monitor.stop();
    this.#aliases.stop();
    this.#deps.journal.close();
  }

  /** By the probes: what an operator forced says nothing of them. */
  #wasDown(site: string, address: string): boolean {
    const condition = this.#words[site]?.forced === undefined ? this.#deps.former?.conditions[site] : undefined;
    return condition?.health === 'down' || condition?.downAddresses?.includes(address) === true;
  }

  #condition(name: string): SiteCondition {
    const word = this.#words[name];
    const probed = this.#monitor.health(name) ?? { health: 'unknown', downAddresses: [] };
    return {
      health: word?.forced ?? probed.health,
      drained: word?.drained ?? false,
      ...(word?.forced === undefined && { downAddresses: probed.downAddresses }),
    };
  }

  #status(name: string, addresses: readonly string[]): SiteStatus {
    const word = this.#words[name];
    const { health, drained, downAddresses = [] } = this.#condition(name);
    const isSaid = word !== undefined && (word.drained || word.forced !== undefined);
    return {
      name,
      health,
      addresses,
      downAddresses,
      drained,
      forced: word?.forced ?? null,
      detail: this.#monitor.health(name)?.detail ?? '',
      said: isSaid ? { author: word.author, at: new Date(word.at).toISOString(), reason: word.reason } : null,
    };
  }

  #publish(): void {
    this.#deps.onNotes(this.notes);
  }

  #keep(write: () => void): void {
    try {
      write();
    } catch (error) {
      this.#deps.log.error(
        { error: errorMessage(error) },
        'What is known of sites and aliases would not survive a restart',
      );
    }
  }
}

/** All of them, and at least one: a system's resolver at 127.0.0.53 says nothing about where devices are. */
function areOnThisMachine(resolvers: readonly HostPort[]): boolean {
  return resolvers.length > 0 && resolvers.every(({ host }) => host === 'localhost' || addressUse(host) === 'loopback');
}

function readOr<Value>(fallback: Value, read: () => Value, log: Logger): Value {
  try {
    return read();
  } catch (error) {
    log.error({ error: errorMessage(error) }, 'What was known of sites and aliases cannot be read');
    return fallback;
  }
}

function monitored({ name, addresses, probe }: SiteConfiguration) {
  if (probe === undefined) return [];
  const { everyMs, timeoutMs, rise, fall, holdDownMs, ...ports } = probe;
  return [{ name, addresses, ports, everyMs, timeoutMs: Math.min(timeoutMs, everyMs), rise, fall, holdDownMs }];
}
