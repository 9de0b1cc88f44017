import type { Configuration } from '../config/configuration.ts';
import { filterRates } from './broker-rates.ts';

/** Share of a broker's quotas that moves take: other clients and repairs need the rest. */
const share = 0.5;
/** Filters of a device, where nothing is known. */
export const filtersPerDevice = 4;

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
