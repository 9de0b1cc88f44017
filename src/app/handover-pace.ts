import type { Configuration } from '../config/configuration.ts';
import { filterRates } from './broker-rates.ts';

/** Share of a broker's quotas that moves take: other clients and repairs need the rest. */
const share = 0.5;
/** Filters of a device, where nothing is known. */
export const filtersPerDevice = 4;

/** A strict bucket keeps a tenth of its rate for its first burst. */
export const steadyShare = 0.9;

export interface BrokerQuota {
  /** Null: no bound is known. */
  readonly connectsPerSecond: number | null;
  readonly filtersPerSecond: number | null;
}

/** What a broker takes per second. */
export function quotaOf({ brokers }: Pick<Configuration, 'brokers'>, broker: string): BrokerQuota {
  return {
    connectsPerSecond: brokers[broker]?.connectsPerSecond ?? null,
    filtersPerSecond: filterRates({ brokers })[broker] ?? null,
  };
}

/** Sessions per second that hand over unless somebody says otherwise: what their new brokers take, else the limit. */
export function handoverPace(
  configuration: Pick<Configuration, 'brokers' | 'limits'>,
  destinations: readonly string[],
): number {
  const bounds = destinations
    .map((broker) => quotaOf(configuration, broker))
    .flatMap((quota) => [quota.connectsPerSecond, devicesOf(quota.filtersPerSecond)])
    .filter((bound) => bound !== null);
  return bounds.length === 0 ? configuration.limits.reconnectsPerSecond : share * Math.min(...bounds);
}

/** How fast a move by handover begins with sessions. */
export interface HandoverPace {
  readonly pacePerSecond: number;
  /** CONNECTs per second that it may cost; absent: no bound is known. */
  readonly connectsPerSecond?: number;
  /** Why it is slower than somebody asked. */
  readonly paceNote?: string;
}

/** `asked`: sessions per second that an operator wants; no faster than their new brokers take CONNECTs steadily. */
export function paceTerms(
  configuration: Pick<Configuration, 'brokers' | 'limits'>,
  destinations: readonly string[],
  asked: number | undefined,
): HandoverPace {
  const rates = destinations.flatMap((broker) => {
    const { connectsPerSecond } = quotaOf(configuration, broker);
    return connectsPerSecond === null ? [] : [{ broker, connectsPerSecond }];
  });
  const [slowest] = rates.toSorted((a, b) => a.connectsPerSecond - b.connectsPerSecond);
  const usual = handoverPace(configuration, destinations);
  if (slowest === undefined) return { pacePerSecond: asked ?? usual };
  const { broker } = slowest;
  const connectsPerSecond = steadyShare * slowest.connectsPerSecond;
  if (asked === undefined) return { pacePerSecond: usual, connectsPerSecond: share * slowest.connectsPerSecond };
  if (asked <= connectsPerSecond) return { pacePerSecond: asked, connectsPerSecond };
  const paceNote = `paced at ${connectsPerSecond}/s, not ${asked}/s: of what broker ${broker} takes, ${slowest.connectsPerSecond} CONNECTs/s`;
  return { pacePerSecond: connectsPerSecond, connectsPerSecond, paceNote };
}

/** The same of sessions that are closed: no faster than their new brokers take CONNECTs. */
export function reconnectPace(
  configuration: Pick<Configuration, 'brokers' | 'limits'>,
  destinations: readonly string[],
): number {
  const rates = destinations.map((broker) => quotaOf(configuration, broker).connectsPerSecond);
  return Math.min(configuration.limits.reconnectsPerSecond, ...rates.filter((rate) => rate !== null));
}

function devicesOf(filters: number | null): number | null {
  return filters === null ? null : filters / filtersPerDevice;
}
