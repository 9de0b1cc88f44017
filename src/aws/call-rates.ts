import { setTimeout as pause } from 'node:timers/promises';
import { backoffDelayMs } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import { createTokenBucket, type TokenBucket } from '../base/rates.ts';
import { isClockSet, toIotFailure } from './iot-failure.ts';

/**
 * Calls a second that an account takes by default, per operation (AWS IoT Core quotas page as third parties copied it;
 * several were raised since, so these are on the safe side).
 */
export const accountRates: Readonly<Record<string, number>> = {
  AddThingToThingGroup: 60,
  AttachPolicy: 15,
  AttachThingPrincipal: 15,
  CreateDomainConfiguration: 1,
  CreatePolicy: 10,
  CreateThing: 15,
  DeleteDomainConfiguration: 1,
  DescribeThing: 350,
  RegisterCertificate: 10,
  SetV2LoggingOptions: 2,
  UpdateCertificate: 10,
  UpdateDomainConfiguration: 1,
};

/** What an operation gets that the table does not have. */
const otherRate = 10;

/** Part of a quota that is used: the rest is for everybody else in the account. */
const usedShare = 0.8;

/** One quota counts both ways to register. */
const quotaOf: Readonly<Record<string, string>> = { RegisterCertificateWithoutCA: 'RegisterCertificate' };

export interface CallRatesOptions {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** Calls a second in place of the table's, per operation; they are used whole. */
  readonly rates?: Readonly<Record<string, number>>;
  /** Calls go as they come: for an endpoint without quotas. */
  readonly isUnlimited?: boolean;
  /** How often a throttled or failed call is made at most. Default: 5. */
  readonly tries?: number;
  /** 0 ≤ random < 1. Default: `Math.random`. */
  readonly random?: () => number;
  /** Called after each attempt. */
  readonly onCall?: (operation: string, result: 'ok' | 'throttled' | 'failed') => void;
  /** Waits so many milliseconds. Default: a timer. */
  readonly wait?: (ms: number) => Promise<void>;
}

const backoff = { baseMs: 1_000, maxMs: 20_000 };

/** Makes calls at the rate that their operation has, in the order in which they came, and again when AWS had no room. */
export class CallRates {
  readonly #options: CallRatesOptions;
  readonly #wait: (ms: number) => Promise<void>;
  readonly #gates = new Map<string, { readonly bucket: TokenBucket; last: Promise<void> }>();

  constructor(options: CallRatesOptions) {
    this.#options = options;
    this.#wait = options.wait ?? ((ms) => pause(ms));
  }

  /** Rejects with an `IotFailure`. */
  async call<Value>(operation: string, work: () => Promise<Value>): Promise<Value> {
    const { tries = 5, random = Math.random, onCall } = this.#options;
    let isSignedAgain = false;
    for (let attempt = 0; ; attempt += 1) {
      if (this.#options.isUnlimited !== true) await this.#passGate(quotaOf[operation] ?? operation);
      try {
        const value = await work();
        onCall?.(operation, 'ok');
        return value;
      } catch (error) {
        const failure = toIotFailure(operation, error);
        onCall?.(operation, failure.kind === 'throttled' ? 'throttled' : 'failed');
        // Nothing came of it, so this holds for calls that make something as well.
        if (failure.kind === 'unauthorized' && isClockSet(error) && !isSignedAgain) {
          isSignedAgain = true;
          continue;
        }
        if (!failure.retryable || attempt + 1 >= tries) throw failure;
        await this.#wait(backoff.baseMs / 2 + backoffDelayMs(attempt, random(), backoff));
      }
    }
  }

  /** One after the other: who came first goes first, and nobody takes a token that another one waits for. */
  #passGate(operation: string): Promise<void> {
    const gate = this.#gates.get(operation) ?? this.#openGate(operation);
    gate.last = gate.last.then(async () => {
      const now = () => this.#options.clock.monotonicMs();
      while (!gate.bucket.take(now())) await this.#wait(Math.max(1, gate.bucket.nextAtMs(now()) - now()));
    });
    return gate.last;
  }

  #openGate(operation: string) {
    const ratePerSecond =
      this.#options.rates?.[operation] ?? Math.max(1, (accountRates[operation] ?? otherRate) * usedShare);
    const gate = { bucket: createTokenBucket({ ratePerSecond, startsFull: true }), last: Promise.resolve() };
    this.#gates.set(operation, gate);
    return gate;
  }
}
