import type { ProbeOutcome } from './health-verdict.ts';
import type { ProbeResult } from './site-probe.ts';

/** What the probes of one address said of the way to it. */
interface Way {
  readonly site: string;
  readonly isIpv6: boolean;
  /** Monotonic milliseconds of the first of the last probes, all of which found no way; undefined: the last found one. */
  lostAtMs: number | undefined;
  /** Of the last probe that found a way. */
  foundAtMs: number;
}

/**
 * Tells a site without a way to it from a prober without a way to anywhere: the former is down, and of the latter nothing
 * is known. An address without a way is failed where a way to another site of its family was found since then, or where
 * there is no other site to compare with.
 */
export class Reachability {
  readonly #wayByKey = new Map<string, Way>();

  add(site: string, address: string): void {
    const way = { site, isIpv6: address.includes(':'), lostAtMs: undefined, foundAtMs: Number.NEGATIVE_INFINITY };
    this.#wayByKey.set(`${site} ${address}`, way);
  }

  /** What a probe of an address that was added says of its site. */
  judge(site: string, address: string, outcome: ProbeResult['outcome'], nowMs: number): ProbeOutcome {
    const way = this.#wayByKey.get(`${site} ${address}`);
    if (way === undefined || outcome === 'inconclusive') return outcome === 'unreachable' ? 'failed' : outcome;
    if (outcome !== 'unreachable') {
      way.lostAtMs = undefined;
      way.foundAtMs = nowMs;
      return outcome;
    }
    const lostAtMs = way.lostAtMs ?? nowMs;
    way.lostAtMs = lostAtMs;
    const others = [...this.#wayByKey.values()].filter((other) => other.site !== site && other.isIpv6 === way.isIpv6);
    const isOnlyThis = others.length === 0 || others.some(({ foundAtMs }) => foundAtMs >= lostAtMs);
    return isOnlyThis ? 'failed' : 'inconclusive';
  }
}
