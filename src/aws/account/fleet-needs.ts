/** Quotas of an account in a region that a fleet meets; `PerSecond` are rates, the others counts. */
export interface AccountQuotas {
  readonly connections: number;
  readonly connectsPerSecond: number;
  readonly registrationsPerSecond: number;
  readonly subscriptions: number;
  readonly subscriptionsPerSecond: number;
  readonly inboundPublishesPerSecond: number;
  readonly outboundPublishesPerSecond: number;
}

/** AWS's defaults of the large regions as other people quote them; smaller regions have less. Not verified. */
export const defaultQuotas: AccountQuotas = {
  connections: 500_000,
  connectsPerSecond: 500,
  registrationsPerSecond: 15,
  subscriptions: 500_000,
  subscriptionsPerSecond: 500,
  inboundPublishesPerSecond: 20_000,
  outboundPublishesPerSecond: 20_000,
};

export interface FleetSize {
  readonly devices: number;
  readonly subscriptionsPerDevice: number;
  /** By one device, on average. */
  readonly publishesPerHour: number;
  readonly deliveriesPerHour: number;
}

/** One quota beside what the fleet needs of it. */
export interface QuotaNeed {
  readonly quota: keyof AccountQuotas;
  readonly allowed: number;
  /** The account's own figure, as the configuration tells it, or the default. */
  readonly source: 'configured' | 'default';
  readonly needed: number;
  /** For a rate that the fleet uses once: seconds until all are through. Absent for counts and for lasting rates. */
  readonly seconds?: number;
  readonly isEnough: boolean;
}

export interface FleetNeeds {
  readonly quotas: readonly QuotaNeed[];
  /** Of a month of 730 hours with every device connected: what AWS bills. */
  readonly connectionMinutesPerMonth: number;
}

const minutesPerMonth = 730 * 60;

/** What a fleet needs of an account. A rate that is used once is never too low: it takes its time, which is said. */
export function fleetNeeds(size: FleetSize, own: Partial<AccountQuotas> = {}): FleetNeeds {
  const { devices, subscriptionsPerDevice, publishesPerHour, deliveriesPerHour } = size;
  const subscriptions = devices * subscriptionsPerDevice;
  const need = (quota: keyof AccountQuotas, needed: number): QuotaNeed => {
    const allowed = own[quota] ?? defaultQuotas[quota];
    const source = own[quota] === undefined ? 'default' : 'configured';
    return { quota, allowed, source, needed, isEnough: needed <= allowed };
  };
  const once = (quota: keyof AccountQuotas, needed: number): QuotaNeed => {
    const { allowed, ...rest } = need(quota, needed);
    return { ...rest, allowed, seconds: needed / allowed, isEnough: true };
  };
  return {
    quotas: [
      need('connections', devices),
      once('connectsPerSecond', devices),
      once('registrationsPerSecond', devices),
      need('subscriptions', subscriptions),
      once('subscriptionsPerSecond', subscriptions),
      need('inboundPublishesPerSecond', (devices * publishesPerHour) / 3_600),
      need('outboundPublishesPerSecond', (devices * deliveriesPerHour) / 3_600),
    ],
    connectionMinutesPerMonth: devices * minutesPerMonth,
  };
}
