import type { Clock } from '../base/clock.ts';
import type { Logger } from '../telemetry/logger.ts';
import {
  formerlyDown,
  type HealthState,
  type HealthVerdict,
  initialHealth,
  judgeProbe,
  type VerdictThresholds,
} from './health-verdict.ts';
import { Reachability } from './reachability.ts';
import { type ProbePorts, type ProbeRequest, type ProbeResult, probeSite } from './site-probe.ts';

/** A site that is to be probed. */
export interface MonitoredSite extends VerdictThresholds {
  readonly name: string;
  readonly addresses: readonly string[];
  readonly ports: ProbePorts;
  readonly everyMs: number;
  readonly timeoutMs: number;
}

/** What the probes say of one site. */
export interface SiteHealth {
  /** Up while any address is; down when all are. */
  readonly health: HealthVerdict;
  /** Of a site that is up: addresses that are down themselves. */
  readonly downAddresses: readonly string[];
  /** What the last failed probe said; empty after a good one, unless the address is down all the same. */
  readonly detail: string;
}

export interface SiteMonitorDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly servername: string;
  /** A site's health or the list of its addresses that are down changed. */
  readonly onChange: (site: string, health: SiteHealth) => void;
  /** Tests give their own. */
  readonly probe?: (request: ProbeRequest) => Promise<ProbeResult>;
  /** 0 ≤ random < 1: spreads the first probes over an interval. */
  readonly random: () => number;
  /** What a monitor before this one said last: a restart is not to bring dead sites back. */
  readonly wasDown?: (site: string, address: string) => boolean;
}

interface Watched {
  readonly site: MonitoredSite;
  readonly states: Map<string, HealthState>;
  readonly details: Map<string, string>;
  health: SiteHealth;
}

/** Probes every address of every site, each at its interval; one probe of an address at a time. */
export class SiteMonitor {
  readonly #deps: SiteMonitorDeps;
  readonly #watched = new Map<string, Watched>();
  readonly #reachability = new Reachability();
  readonly #timers = new Set<NodeJS.Timeout>();
  #isStopped = false;

  constructor(sites: readonly MonitoredSite[], deps: SiteMonitorDeps) {
    this.#deps = deps;
    for (const site of sites) {
      const nowMs = deps.clock.monotonicMs();
      for (const address of site.addresses) this.#reachability.add(site.name, address);
      const begin = (address: string) =>
        deps.wasDown?.(site.name, address) === true ? formerlyDown(nowMs) : initialHealth(nowMs);
      const states = new Map(site.addresses.map((address) => [address, begin(address)]));
      const details = new Map<string, string>();
      this.#watched.set(site.name, { site, states, details, health: healthOf({ site, states, details }) });
    }
  }

  /** The first probes go out at once, so that a start does not answer with dead sites for long. */
  start(): void {
    for (const watched of this.#watched.values()) {
      for (const address of watched.site.addresses) void this.#probe(watched, address);
    }
  }

  health(site: string): SiteHealth | undefined {
    return this.#watched.get(site)?.health;
  }

  stop(): void {
    this.#isStopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  async #probe(watched: Watched, address: string): Promise<void> {
    const { probe = probeSite, clock, servername } = this.#deps;
    const { ports, timeoutMs, everyMs } = watched.site;
    const startedMs = clock.monotonicMs();
    const result = await probe({ address, ports, timeoutMs, servername });
    if (this.#isStopped) return;
    this.#judge(watched, address, result);
    // A tenth of jitter keeps the gateways of a fleet from probing in step.
    const intervalMs = everyMs * (0.9 + 0.2 * this.#deps.random());
    const delayMs = Math.max(0, startedMs + intervalMs - clock.monotonicMs());
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      void this.#probe(watched, address);
    }, delayMs);
    this.#timers.add(timer);
  }

  #judge(watched: Watched, address: string, { outcome, detail }: ProbeResult): void {
    const nowMs = this.#deps.clock.monotonicMs();
    const state = watched.states.get(address) ?? initialHealth(nowMs);
    const said = this.#reachability.judge(watched.site.name, address, outcome, nowMs);
    const judged = judgeProbe(state, said, watched.site, nowMs);
    watched.states.set(address, judged);
    const isHeld = said === 'good' && judged.verdict === 'down';
    watched.details.set(address, isHeld ? `${address} answers again, and stays down for now` : detail);
    const before = watched.health;
    watched.health = healthOf(watched);
    const { health, downAddresses } = watched.health;
    if (health === before.health && downAddresses.join() === before.downAddresses.join()) return;
    const site = watched.site.name;
    const level = health === 'down' || downAddresses.length > before.downAddresses.length ? 'warn' : 'info';
    this.#deps.log[level]({ site, ...watched.health }, 'The health of a site changed');
    this.#deps.onChange(site, watched.health);
  }
}

function healthOf({ site, states, details }: Omit<Watched, 'health'>): SiteHealth {
  const verdicts = site.addresses.map((address) => states.get(address)?.verdict ?? 'unknown');
  const downAddresses = site.addresses.filter((_, index) => verdicts[index] === 'down');
  const detail = site.addresses.flatMap((address) => details.get(address) || []).join('; ');
  if (downAddresses.length === site.addresses.length) return { health: 'down', downAddresses: [], detail };
  return { health: verdicts.includes('up') ? 'up' : 'unknown', downAddresses, detail };
}
