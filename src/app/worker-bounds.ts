import type { Clock } from '../base/clock.ts';
import type { Configuration } from '../config/configuration.ts';
import type { FilterTokens } from '../session/filter-tokens.ts';
import type { RegistrationTokens } from '../session/registration-tokens.ts';
import { filterRates, registrationRates } from './broker-rates.ts';
import { LinkedBound } from './linked-bound.ts';
import type { ControlLinkEnd } from './linked-registry.ts';
import type { BoundName, ControlMessage } from './process-messages.ts';

/** What brokers take a second, as the sessions of one worker ask for it. */
export class WorkerBounds {
  readonly filters: FilterTokens;
  readonly registrations: RegistrationTokens;
  readonly #linked: Readonly<Record<BoundName, LinkedBound>>;

  constructor(configuration: Configuration, clock: Clock) {
    const { workers } = configuration;
    const filters = new LinkedBound({ bound: 'filters', rates: filterRates(configuration), workers }, clock);
    const rates = registrationRates(configuration);
    const registrations = new LinkedBound({ bound: 'registrations', rates, workers }, clock);
    this.#linked = { filters, registrations };
    this.filters = {
      isBound: (broker) => filters.isBound(broker),
      take: (wish, handleGranted) => filters.take({ broker: wish.broker, amount: wish.filters }, handleGranted),
      spend: (wish) => filters.spend({ broker: wish.broker, amount: wish.filters }),
    };
    this.registrations = {
      take: (broker, handleGranted) => registrations.take({ broker, amount: 1 }, handleGranted),
      spend: (broker, amount) => registrations.spend({ broker, amount }),
    };
  }

  handleGranted({ bound, claim }: Extract<ControlMessage, { kind: 'bound-granted' }>): void {
    this.#linked[bound].handleGranted(claim);
  }

  linkUp(link: ControlLinkEnd): void {
    for (const linked of Object.values(this.#linked)) linked.linkUp(link);
  }

  linkDown(): void {
    for (const linked of Object.values(this.#linked)) linked.linkDown();
  }

  close(): void {
    for (const linked of Object.values(this.#linked)) linked.close();
  }
}
