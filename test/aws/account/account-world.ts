import { type ApplyReport, applyAccount } from '../../../src/aws/account/account-apply.ts';
import type { AccountDescription } from '../../../src/aws/account/account-description.ts';
import { observeAccount } from '../../../src/aws/account/account-observation.ts';
import { type AccountStep, type PlanTerms, planAccount } from '../../../src/aws/account/account-plan.ts';
import { desiredResources } from '../../../src/aws/account/desired-resources.ts';
import type { CallRatesOptions } from '../../../src/aws/call-rates.ts';
import { type ControlPlane, openControlPlane } from '../../../src/aws/control-plane.ts';
import type { Account } from '../../../src/emulator/account/account.ts';
import { newAccount } from '../../../src/emulator/account/new-account.ts';
import type { BeforeCall } from '../../../src/emulator/control/call-faults.ts';
import { startControlPlane } from '../../../src/emulator/control/control-plane.ts';
import { accountId, region, sampleDescription, terms } from './sample-account.ts';

/** An emulated account with its API on a port, whose calls a test can let fail. */
export class AccountWorld implements AsyncDisposable {
  readonly url: string;
  /** What becomes of each call; set and reset by a test. */
  beforeCall: BeforeCall = () => undefined;
  /** The operations that were called, in order. */
  readonly calls: string[] = [];
  readonly #account: Account;
  readonly #time: { nowMs: number };
  readonly #close: () => Promise<void>;

  private constructor(parts: {
    readonly url: string;
    readonly account: Account;
    readonly time: { nowMs: number };
    readonly close: () => Promise<void>;
  }) {
    this.url = parts.url;
    this.#account = parts.account;
    this.#time = parts.time;
    this.#close = parts.close;
  }

  static async start(): Promise<AccountWorld> {
    const time = { nowMs: Date.now() };
    const account = emptyAccount(time.nowMs);
    const hook: { world?: AccountWorld } = {};
    const plane = await startControlPlane(
      { host: '127.0.0.1', port: 0 },
      {
        account,
        clock: { monotonicMs: () => time.nowMs, wallMs: () => time.nowMs },
        beforeCall: (operation, number) => {
          hook.world?.calls.push(operation);
          return hook.world?.beforeCall(operation, number);
        },
      },
    );
    hook.world = new AccountWorld({ url: plane.url, account, time, close: () => plane.close() });
    return hook.world;
  }

  /** As a new one, on the same port: starting the API costs more than a test does. */
  reset(): void {
    Object.assign(this.#account, emptyAccount(this.#time.nowMs));
    this.beforeCall = () => undefined;
    this.calls.length = 0;
  }

  /** The account's clock goes on. */
  passMs(ms: number): void {
    this.#time.nowMs += ms;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }
}

function emptyAccount(wallMs: number): Account {
  return newAccount({ identity: { accountId, region } }, wallMs);
}

/** Nobody waits: what is tested is what happens after the wait. */
const impatient: Omit<CallRatesOptions, 'clock'> = { wait: async () => {} };

/** A run of its own, as another process would be. */
export async function withControlPlane<Value>(
  { url }: { readonly url: string },
  work: (iot: ControlPlane) => Promise<Value>,
  rates: Omit<CallRatesOptions, 'clock'> = {},
): Promise<Value> {
  const iot = await openControlPlane({ region, endpoint: url, environment: {}, rates: { ...impatient, ...rates } });
  try {
    return await work(iot);
  } finally {
    iot.destroy();
  }
}

export interface RunOptions {
  readonly description?: AccountDescription;
  readonly terms?: PlanTerms;
  readonly rates?: Omit<CallRatesOptions, 'clock'>;
}

/** As `aws plan`. */
export function planOnce(world: { readonly url: string }, options: RunOptions = {}): Promise<readonly AccountStep[]> {
  return withControlPlane(world, (iot) => planWith(iot, options), options.rates);
}

/** As `aws apply --yes`. */
export function applyOnce(world: { readonly url: string }, options: RunOptions = {}): Promise<ApplyReport> {
  return withControlPlane(
    world,
    async (iot) => {
      const steps = await planWith(iot, options);
      return applyAccount(
        steps.filter(({ action }) => action === 'create' || action === 'update'),
        {
          iot,
          terms: options.terms ?? terms,
          account: accountId,
          sleep: async () => {},
          random: () => 0,
          onStep: () => {},
        },
      );
    },
    options.rates,
  );
}

async function planWith(iot: ControlPlane, options: RunOptions): Promise<readonly AccountStep[]> {
  const resources = desiredResources(options.description ?? sampleDescription());
  const { readings } = await observeAccount(iot, resources);
  return planAccount(resources, readings, options.terms ?? terms);
}

/** Everything in the account that a run could have made twice, by name and number. */
export function census(world: { readonly url: string }): Promise<Readonly<Record<string, readonly string[]>>> {
  return withControlPlane(world, async (iot) => {
    const { policies = [] } = await iot.listPolicies({});
    const versions = policies.map(async ({ policyName }) => {
      const { policyVersions = [] } = await iot.listPolicyVersions({ policyName });
      return `${policyName} ${policyVersions.length}`;
    });
    const { certificates = [] } = await iot.listCACertificates({});
    const { authorizers = [] } = await iot.listAuthorizers({});
    const { thingTypes = [] } = await iot.listThingTypes({});
    const { domainConfigurations = [] } = await iot.listDomainConfigurations({});
    const { rules = [] } = await iot.listTopicRules({});
    return {
      policies: (await Promise.all(versions)).toSorted(),
      authorities: certificates.map(({ certificateId = '', status }) => `${certificateId} ${status}`).toSorted(),
      authorizers: authorizers.map(({ authorizerName = '' }) => authorizerName).toSorted(),
      thingTypes: thingTypes.map(({ thingTypeName = '' }) => thingTypeName).toSorted(),
      rules: rules.map(({ ruleName = '' }) => ruleName).toSorted(),
      domains: domainConfigurations.map(({ domainConfigurationName = '' }) => domainConfigurationName).toSorted(),
    };
  });
}
