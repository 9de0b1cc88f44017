import { Resolver } from 'node:dns/promises';
import { isReachableByDevices } from '../base/address-use.ts';
import { backoffDelayMs } from '../base/backoff.ts';
import { errorMessage, systemErrorCode } from '../base/errors.ts';
import type { Logger } from '../telemetry/logger.ts';

/** The addresses of one family. */
export interface ResolvedFamily {
  readonly addresses: readonly string[];
  /** Seconds; the least of them. */
  readonly ttl: number;
}

/** Asks for one family of a name. An empty list is an answer: there are none. Rejects when nobody answered. */
export type ResolveFamily = (name: string, family: 4 | 6) => Promise<ResolvedFamily>;

export interface AliasRefresherOptions {
  readonly aliases: readonly string[];
  readonly minMs: number;
  readonly maxMs: number;
  /** The last good addresses that are known from earlier. */
  readonly known: Readonly<Record<string, readonly string[]>>;
  /** Whether 127.0.0.1 is an address to answer with: where the resolvers are on this machine, as in tests. */
  readonly allowsLoopback: boolean;
}

export interface AliasRefresherDeps {
  readonly resolve: ResolveFamily;
  readonly log: Logger;
  /** 0 ≤ random < 1. */
  readonly random: () => number;
  readonly wallMs: () => number;
  /** The addresses of an alias changed. */
  readonly onChange: () => void;
}

/** What is known of an alias. */
export interface AliasState {
  readonly alias: string;
  /** The last good ones. */
  readonly addresses: readonly string[];
  /** Wall clock, milliseconds; undefined: not since the start. */
  readonly resolvedAtMs: number | undefined;
  /** Why the last try failed; undefined: it did not. */
  readonly problem: string | undefined;
}

/** After a failure; the last good addresses stand meanwhile. */
const retryDelay = { baseMs: 1_000, maxMs: 30_000 };
/** Addresses of one alias that are answered with; an answer beyond that would not go over UDP. */
const mostAddresses = 32;

/** Keeps the addresses of aliases fresh. An alias that cannot be resolved, or has no address any more, keeps its last ones. */
export class AliasRefresher {
  readonly #options: AliasRefresherOptions;
  readonly #deps: AliasRefresherDeps;
  readonly #addresses = new Map<string, { readonly 4: readonly string[]; readonly 6: readonly string[] }>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #failures = new Map<string, number>();
  /** Addresses that were left out of the last answer, as they were logged. */
  readonly #refused = new Map<string, string>();
  readonly #problems = new Map<string, string>();
  readonly #resolvedAtMs = new Map<string, number>();
  #isStopped = false;

  constructor(options: AliasRefresherOptions, deps: AliasRefresherDeps) {
    this.#options = options;
    this.#deps = deps;
    for (const alias of options.aliases) {
      const known = (options.known[alias] ?? []).filter((address) => isReachableByDevices(address, options));
      if (known.length === 0) continue;
      this.#addresses.set(alias, {
        4: known.filter((address) => !address.includes(':')),
        6: known.filter((address) => address.includes(':')),
      });
    }
  }

  /** Resolves every alias; settles when each was tried once. It goes on by itself until `stop`. */
  async start(): Promise<void> {
    await Promise.all(this.#options.aliases.map((alias) => this.#refresh(alias)));
  }

  /** The last good addresses by alias; an alias that never had any is absent. */
  addresses(): Readonly<Record<string, readonly string[]>> {
    return Object.fromEntries(
      [...this.#addresses].map(([alias, families]) => [alias, [...families[4], ...families[6]]]),
    );
  }

  /** In the configuration's order. */
  states(): readonly AliasState[] {
    const addresses = this.addresses();
    return this.#options.aliases.map((alias) => ({
      alias,
      addresses: addresses[alias] ?? [],
      resolvedAtMs: this.#resolvedAtMs.get(alias),
      problem: this.#problems.get(alias),
    }));
  }

  stop(): void {
    this.#isStopped = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
  }

  async #refresh(alias: string): Promise<void> {
    const refused: string[] = [];
    const ask = (family: 4 | 6) => this.#deps.resolve(alias, family).then((answer) => this.#reachable(answer, refused));
    const [four, six] = await Promise.allSettled([ask(4), ask(6)]);
    if (this.#isStopped) return;
    const before = this.#addresses.get(alias) ?? { 4: [], 6: [] };
    const next = { 4: familyOf(four, before[4]), 6: familyOf(six, before[6]) };
    const rejected = [four, six].find((result) => result.status === 'rejected');
    const isGone = next[4].length + next[6].length === 0;
    const problem = rejected !== undefined ? errorMessage(rejected.reason) : isGone ? 'it has no address' : undefined;
    this.#note(alias, problem);
    this.#noteRefused(alias, refused.join(', '));
    if (!isGone) this.#keep(alias, before, next);
    const timer = setTimeout(() => void this.#refresh(alias), this.#delayMs(alias, [four, six]));
    this.#timers.set(alias, timer);
  }

  #keep(alias: string, before: Families, next: Families): void {
    if (before[4].join() === next[4].join() && before[6].join() === next[6].join()) return;
    this.#addresses.set(alias, next);
    this.#deps.onChange();
  }

  /** What a resolver says must not send the fleet to itself or nowhere. An answer of nothing else is none. */
  #reachable({ addresses, ttl }: ResolvedFamily, refused: string[]): ResolvedFamily {
    const reachable = addresses.filter((address) => isReachableByDevices(address, this.#options));
    refused.push(...addresses.filter((address) => !reachable.includes(address)));
    if (reachable.length === 0 && addresses.length > 0) {
      throw new Error(`expected addresses that devices can reach, got ${addresses.join(', ')}`);
    }
    return { addresses: reachable, ttl };
  }

  #noteRefused(alias: string, refused: string): void {
    if (refused !== '' && refused !== this.#refused.get(alias)) {
      this.#deps.log.warn({ alias, refused }, 'Addresses of an alias that no device can reach are left out');
    }
    this.#refused.set(alias, refused);
  }

  #note(alias: string, problem: string | undefined): void {
    const failures = this.#failures.get(alias) ?? 0;
    if (problem === undefined) {
      this.#problems.delete(alias);
      this.#resolvedAtMs.set(alias, this.#deps.wallMs());
      if (failures > 0) this.#deps.log.info({ alias }, 'An alias can be resolved again');
      this.#failures.delete(alias);
      return;
    }
    if (failures === 0) {
      this.#deps.log.warn({ alias, problem }, 'An alias cannot be resolved; its last addresses stand');
    }
    this.#failures.set(alias, failures + 1);
    this.#problems.set(alias, problem);
  }

  /** What the TTL says within the bounds, up to a tenth earlier so that gateways and aliases do not ask in step. */
  #delayMs(alias: string, results: readonly PromiseSettledResult<ResolvedFamily>[]): number {
    const { random } = this.#deps;
    const failures = this.#failures.get(alias) ?? 0;
    if (failures > 0) return retryDelay.baseMs / 2 + backoffDelayMs(failures - 1, random(), retryDelay);
    const ttls = results.flatMap((result) =>
      result.status === 'fulfilled' && result.value.addresses.length > 0 ? [result.value.ttl * 1_000] : [],
    );
    const { minMs, maxMs } = this.#options;
    return Math.max(minMs, Math.min(maxMs, ...ttls)) * (1 - 0.1 * random());
  }
}

interface Families {
  readonly 4: readonly string[];
  readonly 6: readonly string[];
}

/** Sorted, because resolvers turn the order with every answer. */
function familyOf(result: PromiseSettledResult<ResolvedFamily>, before: readonly string[]): readonly string[] {
  if (result.status === 'rejected') return before;
  return [...new Set(result.value.addresses)].sort().slice(0, mostAddresses);
}

/** Milliseconds for one server, and how many times all are tried. */
const askMs = 2_000;
const tries = 2;
/** Answers that say that there is no address of the family. */
const emptyAnswers = ['ENODATA', 'ENOTFOUND'];

/** Asks recursive resolvers; none: those of the system. `servers` are `host:port` texts. */
export function createAliasResolver(servers: readonly string[]): ResolveFamily {
  const resolver = new Resolver({ timeout: askMs, tries });
  if (servers.length > 0) resolver.setServers(servers);
  return async (name, family) => {
    try {
      const records =
        family === 4 ? await resolver.resolve4(name, { ttl: true }) : await resolver.resolve6(name, { ttl: true });
      return { addresses: records.map(({ address }) => address), ttl: Math.min(...records.map(({ ttl }) => ttl)) };
    } catch (error) {
      if (emptyAnswers.includes(systemErrorCode(error) ?? '')) return { addresses: [], ttl: 0 };
      throw error;
    }
  };
}
